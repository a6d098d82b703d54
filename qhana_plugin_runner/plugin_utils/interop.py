"""Talking to plugins of this or of other runners: start them, watch their tasks.

A plugin that starts another one calls :func:`get_plugin_endpoint` and
:func:`call_plugin_endpoint`, then :func:`subscribe` with a webhook of its own.  When that
does not work (the other side knows no subscriptions, or cannot reach the webhook), it
sends :data:`monitor_result`, which asks for the result again and again and calls the same
webhook::

    endpoint = get_plugin_endpoint("http://localhost:5006/plugins/hello-world/")
    result_url = call_plugin_endpoint(endpoint, {"inputStr": "hello"})
    if not subscribe(result_url, webhook_url, events=["status", "steps"]):
        monitor_result.s(result_url, webhook_url, monitor="all").apply_async()

The ``URL_REWRITE_RULES`` apply to every URL that is called here.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Literal, NoReturn
from urllib.parse import urljoin

from celery import Task
from requests import Response
from requests.exceptions import HTTPError, JSONDecodeError, RequestException

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.errors import RunnerError
from qhana_plugin_runner.operations.webhooks.call import is_not_now, post
from qhana_plugin_runner.requests import (
    REQUEST_SESSION,
    display_url,
    open_url,
    rewrite_url,
)

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
"""Seconds in which a plugin has to answer: it only queues the work."""

FIRST_DELAY = 1.0
"""Seconds between the first two looks at a result."""

DELAY_GROWTH = 1.5
"""Each pause is that much longer than the one before, so that a change is noticed after at
most about half the time again that it took."""

LONGEST_DELAY = 60.0
"""Seconds. Far below the hour after which a Redis broker delivers a waiting message again,
and nobody minds a minute in a task that has run for several."""

MAX_FAILURES = 24 * 60
"""Looks in a row without a usable answer after which a result counts as lost: a day."""

EVENTS = ("status", "steps", "details")


class PluginAnswerError(RunnerError, ValueError):
    """Another plugin or runner gave an answer that makes no sense; the text says which."""

    http_status = 502


class PluginAnswerDecodeError(PluginAnswerError, JSONDecodeError):
    """Another plugin or runner gave an answer that is no JSON."""


class ResultUnchangedError(Exception):
    """There is nothing new about a result that is monitored."""


def _json_object(response: Response, what: str) -> dict[str, Any]:
    try:
        answer = response.json()
    except ValueError as error:
        raise PluginAnswerDecodeError(
            f"{display_url(response.url)!r} is no {what}: the answer is no JSON ({error}); "
            "check the URL.",
            response.text,
            0,
        ) from error
    if not isinstance(answer, dict):
        raise PluginAnswerError(
            f"{display_url(response.url)!r} is no {what}: the answer is JSON, but no object; "
            "check the URL."
        )
    return answer


def _mappings(value: object) -> list[Mapping[str, Any]]:
    """The objects in a list of a JSON document, which may be absent or ill-formed."""
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, Mapping)]


def get_plugin_endpoint(plugin_url: str, interaction_endpoint: str | None = None) -> str:
    """Look up where a plugin takes its input.

    Args:
        plugin_url: the URL of the plugin's metadata.
        interaction_endpoint: the type of one of the plugin's ``links``, to get that
            link's target in place of the entry point.

    Returns:
        an absolute URL.

    Raises:
        PluginAnswerError: the URL answers with something other than a plugin's metadata,
            or the plugin has no such link.
        requests.exceptions.RequestException: the URL does not answer, or with an error.
    """
    with open_url(plugin_url, timeout=ENDPOINT_TIMEOUT) as response:
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
    return urljoin(base, href)


def call_plugin_endpoint(
    endpoint_url: str, data: Mapping[str, Any] | None, debug: bool = False
) -> str:
    """Start a plugin, as its form would.

    Args:
        endpoint_url: the processing endpoint, or the ``href`` of a step.
        data: the values of the form by their names in the form; a list stands for a field
            that is given several times. ``None`` stands for a form without values.
        debug: log the call with the names of the fields, and where it led to.

    Returns:
        the URL of the task that was started: where the plugin redirected to.

    Raises:
        requests.exceptions.HTTPError: the plugin refused the input (422) or failed.
        requests.exceptions.RequestException: there was no answer within 5 s.
    """
    with REQUEST_SESSION.post(
        rewrite_url(endpoint_url), data=data, timeout=ENDPOINT_TIMEOUT, stream=True
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
    """Look at a task of this or another runner.

    Args:
        result_url: the URL of the task.

    Returns:
        its status, where everything but ``PENDING`` and ``SUCCESS`` reads as ``FAILURE``,
        and the whole answer, with ``log``, ``progress``, ``steps``, ``outputs`` and so on.

    Raises:
        requests.exceptions.JSONDecodeError: the answer is no JSON.
        PluginAnswerError: the answer is no JSON object.
        requests.exceptions.RequestException: the URL does not answer, or with an error.
    """
    with open_url(result_url, timeout=ENDPOINT_TIMEOUT) as response:
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
        webhook_url: what to call: ``POST <webhook_url>?source=<result_url>&event=<event>``.
        events: which changes: ``status``, ``steps``, ``details``, others that the other side
            knows, or ``"all"``.
        check_for_updates: look at the task once more from the worker, subscribed or not,
            because it may have changed before the subscription was in place. This tells of
            ``status`` and ``steps`` only.

    Returns:
        whether the webhook is subscribed to all these events.  ``False`` means that the
        other side offers no subscriptions, or refused this one; then use
        :data:`monitor_result`.

    Raises:
        PluginAnswerError: the URL answers with something other than a task.
        requests.exceptions.RequestException: the URL does not answer, or with an error.
        qhana_plugin_runner.celery.BrokerUnavailable: the look at the task cannot be
            scheduled.
    """
    names = [events] if isinstance(events, str) else list(events)
    looked_for: str | list[str] = [name for name in names if name in EVENTS]
    wanted: Sequence[str | None] = names
    if names == ["all"]:
        looked_for, wanted = "all", [None]
    with open_url(result_url, timeout=ENDPOINT_TIMEOUT) as response:
        links = _mappings(_json_object(response, "task").get("links"))
        hrefs = [link.get("href") for link in links if link.get("type") == "subscribe"]
        base = response.url
    is_subscribed = False
    if hrefs and isinstance(hrefs[0], str):
        url = urljoin(base, hrefs[0])
        is_subscribed = all(_post_subscription(url, webhook_url, name) for name in wanted)
    if check_for_updates and looked_for not in ([], ["details"]):
        monitor_result.s(
            result_url=result_url,
            webhook_url=webhook_url,
            monitor=looked_for,
            retry=False,
        ).apply_async()
    return is_subscribed


def _post_subscription(subscribe_url: str, webhook_url: str, event: str | None) -> bool:
    command = {"command": "subscribe", "webhookHref": webhook_url, "event": event}
    url = rewrite_url(subscribe_url)
    try:
        with REQUEST_SESSION.post(
            url, json=command, timeout=ENDPOINT_TIMEOUT
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
    """Look at a task until there is something to tell, then call a webhook, once.

    What there is to tell is that the task has finished, or that a step waits for input.
    A task that is gone, or without a usable answer for a day, counts as finished.  The
    pauses grow from a second to a minute.

    Args:
        result_url: the URL of the task.
        webhook_url: what to call, as by a subscription.
        monitor: what to look for, as in :func:`subscribe`.
        retry: come back until there is something; without it, look once.
        failures: how many looks in a row were in vain; for the task's own use.

    Raises:
        ResultUnchangedError: the task is called directly or eagerly, where nothing can be
            done later, and there is nothing to tell.
        ValueError: there is no such event.
        requests.exceptions.RequestException: there is no answer; only without ``retry``.
        PluginAnswerError: the answer is none of a task; only without ``retry``.
    """
    watched = _watched(monitor)

    def news(status: str, result: Mapping[str, Any]) -> list[str]:
        if status != "PENDING":
            told_by = ["status", "details", "steps"]
        elif _has_open_step(result):
            told_by = ["steps", "details"]
        else:
            told_by = []
        return [event for event in told_by if event in watched][:1]

    _look(self, news, result_url, webhook_url, retry, failures)


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
    """Look at a task until one of its steps is cleared, then call a webhook.

    The event is ``steps`` when the step is cleared, and ``status`` when the task has
    finished; a task that ends with the step sends both.

    Args:
        result_url: the URL of the task.
        webhook_url: what to call, as by a subscription.
        substep: the ``stepId`` of the step (the newest one, should there be several), or
            its position in the list of steps.  It need not be there yet.
        retry: come back until there is something to tell; without it, look once.
        failures: how many looks in a row were in vain; for the task's own use.

    Raises:
        ResultUnchangedError: as in :data:`monitor_result`; likewise the other errors.
    """

    def news(status: str, result: Mapping[str, Any]) -> list[str]:
        step = _find_step(result, substep)
        happened = []
        if step is not None and step.get("cleared"):
            happened.append("steps")
        if status != "PENDING":
            happened.append("status")
        return happened

    _look(self, news, result_url, webhook_url, retry, failures)


def _has_open_step(result: Mapping[str, Any]) -> bool:
    steps = _mappings(result.get("steps"))
    return bool(steps) and not steps[-1].get("cleared")


def _find_step(result: Mapping[str, Any], substep: str | int) -> Mapping[str, Any] | None:
    steps = _mappings(result.get("steps"))
    if isinstance(substep, int):
        return steps[substep] if 0 <= substep < len(steps) else None
    return next((step for step in reversed(steps) if step.get("stepId") == substep), None)


def _look(
    task: Task,
    news: Callable[[str, Mapping[str, Any]], Collection[str]],
    result_url: str,
    webhook_url: str,
    retry: bool,
    failures: int,
) -> None:
    """Look at a result once; call the webhook, or come back later."""
    try:
        happened = news(*get_task_result_no_wait(result_url))
    except (RequestException, PluginAnswerError) as error:
        if not retry:
            raise
        if not _is_gone(error) and failures + 1 < MAX_FAILURES:
            _come_back(task, error, failures + 1)
        _LOGGER.warning("gave up on the task %s: %s", display_url(result_url), error)
        happened = ["status"]
    for event in happened:
        call_webhook.s(
            webhook_url=webhook_url, task_url=result_url, event_type=event
        ).apply_async()
    if retry and not happened:
        unchanged = ResultUnchangedError(f"nothing new at {display_url(result_url)}")
        _come_back(task, unchanged, failures=0)


def _is_gone(error: Exception) -> bool:
    return (
        isinstance(error, HTTPError)
        and error.response is not None
        and error.response.status_code in (404, 410)
    )


def _come_back(task: Task, reason: Exception, failures: int) -> NoReturn:
    request = task.request
    if request.is_eager:
        # Celery would run the next look inside of this one, without a pause and for ever.
        raise reason
    kwargs = {**(request.kwargs or {}), "failures": failures}
    raise task.retry(exc=reason, kwargs=kwargs, countdown=_pause(request.retries))


def _pause(looks: int) -> float:
    """Seconds until the next look, after so many."""
    if looks > 20:  # the pauses are longest by then, and a float has a largest power
        return LONGEST_DELAY
    return min(FIRST_DELAY * DELAY_GROWTH**looks, LONGEST_DELAY)


@CELERY.task(name=f"{_TASK_NAME}.call_webhook", ignore_result=True)
def call_webhook(webhook_url: str, task_url: str, event_type: str | None) -> None:
    """Call a webhook: ``POST <webhook_url>?source=<task_url>&event=<event_type>``.

    The body is empty, the query of ``webhook_url`` is kept, redirects are not followed.

    Args:
        webhook_url: what to call.
        task_url: the task that has changed.
        event_type: ``status``, ``steps`` or ``details``; ``None`` names no event.

    Raises:
        requests.exceptions.HTTPError: the receiver is not able to take the call now (408,
            425, 429 or 5xx); any other answer means that it has got it.
        requests.exceptions.RequestException: there was no answer within 10 s.
    """
    with post(rewrite_url(webhook_url), task_url, event_type) as response:
        if is_not_now(response.status_code):
            response.raise_for_status()
