"""Attacks on the tokens with which the runner calls others."""

import json
import logging
from datetime import timedelta

import pytest
from helpers.product import CHECKOUT
from helpers.runner import runner
from helpers.site import Site, serving

from qhana_plugin_runner.operations.webhooks.call import Meaning, call_for_answer
from qhana_plugin_runner.plugin_utils.interop import (
    PluginAnswerError,
    call_plugin_endpoint,
    get_plugin_endpoint,
    get_task_result_no_wait,
    subscribe,
)
from qhana_plugin_runner.requests import AS_RUNNER, REQUEST_SESSION, open_url
from qhana_plugin_runner.requests.policy import current_policy
from qhana_plugin_runner.security.tokens import Role, issue
from qhana_plugin_runner.util.config.checks import as_tokens

TOKEN, OTHER_TOKEN = "t0ken-of-the-one", "t0ken-of-the-other"


@pytest.fixture
def other():
    """Another web server, which is another origin: the ports differ."""
    site = Site()
    with serving(site) as site.url:
        yield site


@pytest.fixture
def app(tmp_path, site, other):
    """An app with a token for the first of both sites."""
    with runner(tmp_path, OUTGOING_TOKENS={site.url: TOKEN}) as app:
        yield app


def sent(site):
    return [request.headers.get("Authorization") for request in site.requests]


def test_token_goes_to_its_origin_only(context, site, other):
    for each in (site, other):
        answer = call_for_answer(f"{each.url}/hook", "http://task/", "status", {}, 10)
        assert answer.meaning is Meaning.DELIVERED
        each.put("/plugin", b'{"entryPoint": {"href": "process"}}')
        assert get_plugin_endpoint(f"{each.url}/plugin") == f"{each.url}/process"
    assert sent(site) == [f"Bearer {TOKEN}"] * 2 and sent(other) == [None] * 2


def test_token_of_the_runner_for_a_url_of_a_user(context, site):
    """Confused deputy: who can start a plugin would read what only the runner may read."""
    url = site.put("/data.csv", b"ID")
    with open_url(url), REQUEST_SESSION.get(url):
        assert sent(site) == [None, None]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_token_after_redirect_to_another_origin(context, site, other, status):
    """CVE-2018-18074 of requests: a redirect takes the credentials along."""
    there = other.put("/task", b'{"status": "PENDING"}')
    assert get_task_result_no_wait(site.put("/t", status=status, Location=there))
    back = site.put("/back", b'{"status": "PENDING"}')
    assert get_task_result_no_wait(other.put("/t", status=status, Location=back))
    # From an origin without a token on, none is sent.
    there = other.put("/there", status=status, Location=back)
    assert get_task_result_no_wait(site.put("/start", status=status, Location=there))
    assert sent(other) == [None] * 3
    assert sent(site) == [f"Bearer {TOKEN}", None, f"Bearer {TOKEN}", None]


@pytest.mark.parametrize("link", [None, "more"])
def test_token_for_what_a_plugin_elsewhere_names(context, site, other, link):
    """Confused deputy: a plugin of a stranger names an endpoint for which there is a token."""
    href = site.put("/tasks/1/", b"{}")
    metadata = {"entryPoint": {"href": href}, "links": [{"type": "more", "href": href}]}
    url = other.put("/plugin", json.dumps(metadata).encode())
    with pytest.raises(PluginAnswerError, match="OUTGOING_TOKENS has a token"):
        get_plugin_endpoint(url, link)
    # The other way round, there is no token to be had.
    metadata = {"entryPoint": {"href": url}, "links": [{"type": "more", "href": url}]}
    assert get_plugin_endpoint(site.put("/p", json.dumps(metadata).encode()), link) == url


def test_token_for_the_subscription_that_a_task_elsewhere_names(context, site, other):
    links = {"links": [{"type": "subscribe", "href": site.put("/subscribe", b"{}")}]}
    task = other.put("/task", json.dumps(links).encode())
    assert subscribe(task, "http://hook/", check_for_updates=False)
    assert sent(site) == [None]


@pytest.mark.parametrize("status", [303, 307])
def test_token_after_redirect_within_its_origin(context, site, status):
    result = site.put("/tasks/1/", b"{}")
    start = site.put("/process/", status=status, Location="/tasks/1/")
    assert call_plugin_endpoint(start, {"a": "b"}) == result
    assert sent(site) == [f"Bearer {TOKEN}"] * 2


def test_each_origin_gets_its_own_token(tmp_path, site, other):
    tokens = {site.url: TOKEN, f"{other.url}/": OTHER_TOKEN}
    there = other.put("/task", b'{"status": "PENDING"}')
    start = site.put("/t", status=302, Location=there)
    with runner(tmp_path, OUTGOING_TOKENS=tokens) as app, app.app_context():
        assert get_task_result_no_wait(start)
    assert (sent(site), sent(other)) == ([f"Bearer {TOKEN}"], [f"Bearer {OTHER_TOKEN}"])


def test_token_for_what_looks_like_its_origin(context, site, other):
    host = site.url.removeprefix("http://")
    port = other.url.rpartition(":")[2]
    for url in (
        f"http://{host}@127.0.0.1:{port}/task",
        f"http://127.0.0.1:{port}/{site.url}",
        f"http://127.0.0.1:{port}#{site.url}",
        f"http://127.0.0.1:{port}\\@{host}/task",
    ):
        with REQUEST_SESSION.get(url, auth=AS_RUNNER, timeout=10):
            pass
    assert other.requests and not any(sent(other))
    assert all(request.host == host for request in site.requests)


def test_own_credentials_of_a_request_stay(context, site):
    with REQUEST_SESSION.get(
        site.url, auth=AS_RUNNER, headers={"Authorization": "Basic eDp5"}
    ):
        assert sent(site) == ["Basic eDp5"]


def test_token_in_logs_and_errors(context, site, caplog):
    caplog.set_level(logging.DEBUG)
    site.put("/task", b"no JSON")
    with pytest.raises(Exception) as error:
        get_task_result_no_wait(f"{site.url}/task")
    assert sent(site) == [f"Bearer {TOKEN}"]
    assert TOKEN not in f"{error.value!r} {caplog.text} {current_policy()!r}"


@pytest.mark.parametrize(
    "value",
    [
        {"*": TOKEN},
        {"runner.example.org": TOKEN},
        {"https://runner.example.org/path": TOKEN},
        {"https://a.example https://b.example": TOKEN},
        {"file:///": TOKEN},
        {"https://runner.example.org": f"{TOKEN}\r\nHost: x"},
        {"https://runner.example.org": ""},
        f"https://runner.example.org={TOKEN}",
        [TOKEN],
    ],
)
def test_settings_that_are_no_tokens_by_origin_are_refused_without_the_token(value):
    with pytest.raises(ValueError, match="must|has no token") as error:
        as_tokens(value)
    assert TOKEN not in str(error.value)


def test_a_runner_starts_a_plugin_of_one_that_asks_for_tokens(tmp_path):
    """Two real runners: one asks for tokens, the other has one."""
    (tmp_path / "asking").mkdir()
    plugins = [str(CHECKOUT / "plugins")]
    asking = runner(tmp_path / "asking", AUTH_MODE="token", PLUGIN_FOLDERS=plugins)
    with asking as server, serving(server) as url:
        with server.app_context():
            tokens = {url: issue("the other runner", Role.RUN, timedelta(hours=1))}
        plugin = f"{url}/plugins/hello-world@v1-0-0/"
        with runner(tmp_path) as without, without.app_context():
            endpoint = get_plugin_endpoint(plugin)
            with pytest.raises(Exception, match="401"):
                call_plugin_endpoint(endpoint, {"inputStr": "x"})
        (tmp_path / "calling").mkdir()
        settings = {"OUTGOING_TOKENS": tokens}
        with runner(tmp_path / "calling", **settings) as app, app.app_context():
            task = call_plugin_endpoint(endpoint, {"inputStr": "x"})
            assert get_task_result_no_wait(task)[0] == "PENDING"
            assert subscribe(task, "http://hook/", check_for_updates=False)
