"""Starts plugins of this or of other runners and watches their tasks.

A plugin that starts another one calls :func:`get_plugin_endpoint` and
:func:`call_plugin_endpoint`, then :func:`subscribe` with its own webhook. When that does not work
(the other side has no subscriptions, or cannot reach the webhook), it sends
:data:`monitor_result`, which polls the result and calls the same webhook::

    endpoint = get_plugin_endpoint("http://localhost:5006/plugins/hello-world/")
    result_url = call_plugin_endpoint(endpoint, {"inputStr": "hello"})
    if not subscribe(result_url, webhook_url, events=["status", "steps"]):
        monitor_result.s(result_url, webhook_url, monitor="all").apply_async()

The ``URL_REWRITE_RULES`` apply to every URL, and ``OUTGOING_TOKENS`` to what comes of it.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, NoReturn
from urllib.parse import urljoin

from celery import Task
from requests import Response
from requests.auth import AuthBase
from requests.exceptions import HTTPError, JSONDecodeError, RequestException

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.errors import RunnerError
from qhana_plugin_runner.operations.webhooks.call import is_not_now, post
from qhana_plugin_runner.requests import (
    AS_RUNNER,
    REQUEST_SESSION,
    display_url,
    is_led_to_token,
    open_url,
    rewrite_url,
)
from qhana_plugin_runner.util.backoff import backoff

__all__ = [
    "CELERY",
    "REQUEST_SESSION",
    "PluginAnswerDecodeError",
    "PluginAnswerError",
    "ResultUnchangedError",
    "call_plugin_endpoint",
    "call_webhook",
    "get_plugin_endpoint",
    "get_task_result_no_wait",
    "monitor_external_substep",
    "monitor_result",
    "subscribe",
]

_LOGGER = logging.getLogger(__name__)

_TASK_NAME = "qhana_plugin_runner.plugin_utils.interop"

ENDPOINT_TIMEOUT = 5.0
"""Seconds to wait for a plugin: it only queues the work."""

FIRST_DELAY, MAX_DELAY = 1.0, 60.0
"""Seconds between the first two checks of a result, and the longest pause, which nobody minds in a
task that has run for minutes."""

MAX_FAILURES = 24 * 60
"""Failed checks in a row after which a result counts as lost: a day."""

EVENTS = ("status", "steps", "details")


class PluginAnswerError(RunnerError, ValueError):
    """Another plugin or runner gave an invalid answer, which the text names."""

    http_status = 502


class PluginAnswerDecodeError(PluginAnswerError, JSONDecodeError):
    """Another plugin or runner gave an answer that is not JSON."""


class ResultUnchangedError(Exception):
    """A monitored result has not changed."""


def _json_object(response: Response, what: str) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError as error:
        raise PluginAnswerDecodeError(
            f"{display_url(response.url)!r} is not a {what}: the answer is not JSON ({error}); "
            "check the URL.",
            response.text,
            0,
        ) from error
    if not isinstance(answer, dict):
        raise PluginAnswerError(
            f"{display_url(response.url)!r} is not a {what}: the answer is not a JSON object; "
            "check the URL."
        )
    return answer


def _mappings(value: object) -> list[Mapping[str, Any]]:
    """Return the objects in a list of a JSON document, which may be missing or invalid."""
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, Mapping)]


def get_plugin_endpoint(plugin_url: str, interaction_endpoint: str | None = None) -> str:
    """Return the URL of a plugin's processing endpoint.

    Args:
        plugin_url: the URL of the plugin's metadata.
        interaction_endpoint: the type of one of the plugin's ``links``, to get its target
            instead of the entry point.

    Raises:
        PluginAnswerError: the answer is not a plugin's metadata, the plugin has no such link, or
            it is one to another origin, for which there is a token.
        requests.exceptions.RequestException: there is no answer, or an error status.
    """
    with open_url(plugin_url, auth=AS_RUNNER, timeout=ENDPOINT_TIMEOUT) as response:
        metadata = _json_object(response, "plugin")
        base = response.url
    if interaction_endpoint is None:
        entry_point = metadata.get("entryPoint")
        href = entry_point.get("href") if isinstance(entry_point, Mapping) else None
        problem = "has no 'entryPoint' with a 'href'"
    else:
        links = {
            link.get("type"): link.get("href")
            for link in _mappings(metadata.get("links"))
        }
        href = links.get(interaction_endpoint)
        problem = f"has no link of type {interaction_endpoint!r}, only {list(links)}"
    if not isinstance(href, str):
        raise PluginAnswerError(f"The plugin at {display_url(plugin_url)!r} {problem}.")
    url = urljoin(base, href)
    if is_led_to_token(rewrite_url(url), base):
        raise PluginAnswerError(
            f"The plugin at {display_url(plugin_url)!r} names {display_url(url)!r}, which is not "
            "called: it has another origin, for which OUTGOING_TOKENS has a token."
        )
    return url


def call_plugin_endpoint(
    endpoint_url: str, data: Mapping[str, Any] | None, debug: bool = False
) -> str:
    """Start a plugin as its form does.

    Args:
        endpoint_url: the processing endpoint, or the ``href`` of a step.
        data: the form values by field name; a list repeats a field. ``None`` sends no values.
        debug: log the call with the names of the fields and the resulting URL.

    Returns:
        The URL of the started task, to which the plugin redirects.

    Raises:
        requests.exceptions.HTTPError: the plugin rejected the input (422) or failed.
        requests.exceptions.RequestException: there was no answer within 5 seconds.
    """
    with REQUEST_SESSION.post(
        rewrite_url(endpoint_url),
        data=data,
        auth=AS_RUNNER,
        timeout=ENDPOINT_TIMEOUT,
        stream=True,
    ) as response:
        if debug:
            _LOGGER.info(
                "called %s with the fields %s: %s from %s",
                display_url(endpoint_url),
                sorted(data or ()),
                response.status_code,
                display_url(response.url),
            )
        response.raise_for_status()
        return response.url


def get_task_result_no_wait(
    result_url: str,
) -> tuple[Literal["PENDING", "SUCCESS", "FAILURE"], dict[str, Any]]:
    """Fetch the status of a task of this or another runner.

    Args:
        result_url: the URL of the task.

    Returns:
        Its status (everything except ``PENDING`` and ``SUCCESS`` is ``FAILURE``) and the whole
        answer with ``log``, ``progress``, ``steps``, ``outputs`` and so on.

    Raises:
        requests.exceptions.JSONDecodeError: the answer is not JSON.
        PluginAnswerError: the answer is not a JSON object.
        requests.exceptions.RequestException: there is no answer, or an error status.
    """
    with open_url(result_url, auth=AS_RUNNER, timeout=ENDPOINT_TIMEOUT) as response:
        result = _json_object(response, "task")
    status = result.get("status")
    if status == "PENDING":
        return "PENDING", result
    if status == "SUCCESS":
        return "SUCCESS", result
    return "FAILURE", result


def subscribe(
    result_url: str,
    webhook_url: str,
    events: str | Sequence[str] = "all",
    check_for_updates: bool = True,
) -> bool:
    """Subscribe a webhook to the changes of a task of this or another runner.

    Args:
        result_url: the URL of the task.
        webhook_url: called as ``POST <webhook_url>?source=<result_url>&event=<event>``.
        events: ``status``, ``steps``, ``details``, other events of the other side, or
            ``"all"``.
        check_for_updates: check the task once more from the worker, subscribed or not, because
            it may have changed before. This reports ``status`` and ``steps`` only.

    Returns:
        Whether the webhook is subscribed to all these events. If not, the other side has no
        subscriptions or refused this one: use :data:`monitor_result`.

    Raises:
        PluginAnswerError: the answer is not a task.
        requests.exceptions.RequestException: there is no answer, or an error status.
        qhana_plugin_runner.celery.BrokerUnavailable: the check cannot be scheduled.
    """
    names = [events] if isinstance(events, str) else list(events)
    monitored: str | list[str] = [name for name in names if name in EVENTS]
    wanted: Sequence[str | None] = names
    if names == ["all"]:
        monitored, wanted = "all", [None]
    with open_url(result_url, auth=AS_RUNNER, timeout=ENDPOINT_TIMEOUT) as response:
        links = _mappings(_json_object(response, "task").get("links"))
        hrefs = [link.get("href") for link in links if link.get("type") == "subscribe"]
        base = response.url
    is_subscribed = False
    if hrefs and isinstance(hrefs[0], str):
        url = rewrite_url(urljoin(base, hrefs[0]))
        auth = None if is_led_to_token(url, base) else AS_RUNNER
        is_subscribed = all(
            _post_subscription(url, webhook_url, name, auth) for name in wanted
        )
    if check_for_updates and monitored not in ([], ["details"]):
        monitor_result.s(
            result_url=result_url,
            webhook_url=webhook_url,
            monitor=monitored,
            retry=False,
        ).apply_async()
    return is_subscribed


def _post_subscription(
    url: str, webhook_url: str, event: str | None, auth: AuthBase | None
) -> bool:
    command = {"command": "subscribe", "webhookHref": webhook_url, "event": event}
    try:
        with REQUEST_SESSION.post(
            url, json=command, auth=auth, timeout=ENDPOINT_TIMEOUT
        ) as response:
            response.raise_for_status()
    except RequestException as error:
        _LOGGER.warning("cannot subscribe at %s: %s", display_url(url), error)
        return False
    return True


def _watched(events: str | Sequence[str]) -> Sequence[str]:
    if events == "all":
        return EVENTS
    watched = [events] if isinstance(events, str) else events
    if unknown := [event for event in watched if event not in EVENTS]:
        raise ValueError(
            f"There is no event {unknown[0]!r}; use 'all', or any of {EVENTS}."
        )
    return watched


@CELERY.task(
    name=f"{_TASK_NAME}.monitor_result", bind=True, ignore_result=True, max_retries=None
)
def monitor_result(
    self: Task,
    result_url: str,
    webhook_url: str,
    monitor: str | Sequence[str] = "all",
    retry: bool = True,
    failures: int = 0,
) -> None:
    """Poll a task until it has finished or a step waits for input, then call a webhook once.

    A task that is gone, or gives no usable answer for a day, counts as finished. The pauses grow
    from a second to a minute.

    Args:
        result_url: the URL of the task.
        webhook_url: called as by a subscription.
        monitor: the events, as in :func:`subscribe`.
        retry: repeat until there is an event; otherwise, check once.
        failures: failed checks in a row; for the task's own use.

    Raises:
        ResultUnchangedError: there is no event, and the task was called directly or eagerly, so
            that it cannot be repeated later.
        ValueError: there is no such event.
        requests.exceptions.RequestException: there is no answer; only without ``retry``.
        PluginAnswerError: the answer is not a task; only without ``retry``.
    """
    watched = _watched(monitor)

    def events(status: str, result: Mapping[str, Any]) -> list[str]:
        steps = _mappings(result.get("steps"))
        if status != "PENDING":
            found = ["status", "details", "steps"]
        elif steps and not steps[-1].get("cleared"):
            found = ["steps", "details"]
        else:
            found = []
        return [event for event in found if event in watched][:1]

    _check(self, events, result_url, webhook_url, retry, failures)


@CELERY.task(
    name=f"{_TASK_NAME}.monitor_external_substep",
    bind=True,
    ignore_result=True,
    max_retries=None,
)
def monitor_external_substep(
    self: Task,
    result_url: str,
    webhook_url: str,
    substep: str | int,
    retry: bool = True,
    failures: int = 0,
) -> None:
    """Poll a task until one of its steps is cleared, then call a webhook.

    The event is ``steps`` when the step is cleared, and ``status`` when the task has
    finished; a task that ends with the step sends both.

    Args:
        result_url: the URL of the task.
        webhook_url: called as by a subscription.
        substep: the ``stepId`` of the step (the newest of several), or its position in the list
            of steps. The step may be added later.
        retry: repeat until there is an event; otherwise, check once.
        failures: failed checks in a row; for the task's own use.

    Raises:
        ResultUnchangedError: as in :data:`monitor_result`, as are other errors.
    """

    def events(status: str, result: Mapping[str, Any]) -> list[str]:
        step = _find_step(result, substep)
        found = []
        if step is not None and step.get("cleared"):
            found.append("steps")
        if status != "PENDING":
            found.append("status")
        return found

    _check(self, events, result_url, webhook_url, retry, failures)


def _find_step(result: Mapping[str, Any], substep: str | int) -> Mapping[str, Any] | None:
    steps = _mappings(result.get("steps"))
    if isinstance(substep, int):
        return steps[substep] if 0 <= substep < len(steps) else None
    return next((step for step in reversed(steps) if step.get("stepId") == substep), None)


def _check(
    task: Task,
    events: Callable[[str, Mapping[str, Any]], Collection[str]],
    result_url: str,
    webhook_url: str,
    retry: bool,
    failures: int,
) -> None:
    """Check a result once, then call the webhook or schedule the next check."""
    try:
        found = events(*get_task_result_no_wait(result_url))
    except (RequestException, PluginAnswerError) as error:
        if not retry:
            raise
        if not _is_gone(error) and failures + 1 < MAX_FAILURES:
            _check_later(task, error, failures + 1)
        _LOGGER.warning("gave up on the task %s: %s", display_url(result_url), error)
        found = ["status"]
    for event in found:
        call_webhook.s(
            webhook_url=webhook_url, task_url=result_url, event_type=event
        ).apply_async()
    if retry and not found:
        unchanged = ResultUnchangedError(f"no change at {display_url(result_url)}")
        _check_later(task, unchanged, failures=0)


def _is_gone(error: Exception) -> bool:
    return (
        isinstance(error, HTTPError)
        and error.response is not None
        and error.response.status_code in (404, 410)
    )


def _check_later(task: Task, reason: Exception, failures: int) -> NoReturn:
    request = task.request
    if request.is_eager:
        # Celery would run the next check inside of this one, without a pause.
        raise reason
    kwargs = {**(request.kwargs or {}), "failures": failures}
    pause = backoff(request.retries + 1, FIRST_DELAY, MAX_DELAY)
    raise task.retry(exc=reason, kwargs=kwargs, countdown=pause)


@CELERY.task(name=f"{_TASK_NAME}.call_webhook", ignore_result=True)
def call_webhook(webhook_url: str, task_url: str, event_type: str | None) -> None:
    """Call a webhook: ``POST <webhook_url>?source=<task_url>&event=<event_type>``.

    The body is empty, the query of ``webhook_url`` is kept, redirects are not followed.

    Args:
        webhook_url: the URL to call.
        task_url: the changed task.
        event_type: ``status``, ``steps`` or ``details``; ``None`` names no event.

    Raises:
        requests.exceptions.HTTPError: the receiver cannot accept the call now (408, 425, 429 or
            5xx); any other answer acknowledges it.
        requests.exceptions.RequestException: there was no answer within 10 seconds.
    """
    with post(rewrite_url(webhook_url), task_url, event_type) as response:
        if is_not_now(response.status_code):
            response.raise_for_status()
