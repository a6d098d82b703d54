"""Finding the endpoints of other plugins and calling them."""

import json
import pickle

import pytest
from requests.exceptions import (
    ConnectionError,
    HTTPError,
    JSONDecodeError,
    RequestException,
)

from qhana_plugin_runner.plugin_utils.interop import (
    PluginAnswerError,
    call_plugin_endpoint,
    get_plugin_endpoint,
    get_task_result_no_wait,
)

METADATA = {
    "name": "other",
    "version": "1.0.0",
    "entryPoint": {"href": "./process/", "uiHref": "./ui/"},
    "links": [
        {"type": "evaluate", "href": "evaluate/"},
        {"type": "far", "href": "http://x/y"},
    ],
}


def put_json(site, path, value):
    return site.put(path, json.dumps(value).encode(), Content_Type="application/json")


def test_the_entry_point_is_made_absolute(site):
    url = put_json(site, "/plugins/other@1-0-0/", METADATA)
    assert get_plugin_endpoint(url) == f"{site.url}/plugins/other@1-0-0/process/"


def test_a_relative_entry_point_follows_a_redirect_to_the_newest_version(site):
    put_json(site, "/plugins/other@1-0-0/", METADATA)
    url = site.put("/plugins/other/", status=307, Location="/plugins/other@1-0-0/")
    assert get_plugin_endpoint(url) == f"{site.url}/plugins/other@1-0-0/process/"


def test_another_endpoint_is_found_among_the_links_of_the_plugin(site):
    url = put_json(site, "/plugins/other/", METADATA)
    assert get_plugin_endpoint(url, "evaluate") == f"{site.url}/plugins/other/evaluate/"
    assert get_plugin_endpoint(url, interaction_endpoint="far") == "http://x/y"


def test_a_missing_endpoint_is_named_with_those_that_there_are(site):
    url = put_json(site, "/plugins/other/", METADATA)
    with pytest.raises(PluginAnswerError, match="'train'.*'evaluate', 'far'"):
        get_plugin_endpoint(url, "train")


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"[]", b'"text"', b"{}", b'{"entryPoint": null}', b'{"entryPoint": {}}'],
)
def test_an_answer_that_is_no_plugin_is_an_error_with_its_url(site, body):
    url = site.put("/odd", body, Content_Type="application/json")
    with pytest.raises(PluginAnswerError, match=url):
        get_plugin_endpoint(url)


def test_an_error_status_of_a_plugin_is_raised(site):
    with pytest.raises(HTTPError, match="404"):
        get_plugin_endpoint(f"{site.url}/missing")


def test_calling_an_endpoint_posts_a_form_and_returns_the_task(site):
    site.put("/tasks/7/", b"{}")
    url = site.put("/process/", status=303, Location="/tasks/7/")
    result = call_plugin_endpoint(url, {"inputStr": "a&b ü", "many": ["1", "2"]})
    assert result == f"{site.url}/tasks/7/"
    call, followed = site.requests
    assert (call.method, followed.method) == ("POST", "GET")
    assert call.mimetype == "application/x-www-form-urlencoded"


def test_the_values_of_the_form_arrive(app, runner_url):
    seen = {}

    @app.post("/echo")
    def echo():
        from flask import request

        seen.update(request.form.to_dict(flat=False))
        return "done"

    call_plugin_endpoint(
        f"{runner_url}/echo", data={"inputStr": "a&b ü", "many": ["1", "2"]}
    )
    assert seen == {"inputStr": ["a&b ü"], "many": ["1", "2"]}


def test_refused_input_raises_what_plugins_catch(site):
    url = site.put("/process/", b'{"code": 422}', status=422)
    with pytest.raises(HTTPError, match="422"):
        call_plugin_endpoint(url, {})


def test_a_debugged_call_is_logged_without_its_values(site, caplog):
    url = site.put("/process/", b"{}")
    with caplog.at_level("INFO"):
        call_plugin_endpoint(url, {"password": "secret"}, debug=True)
    assert "password" in caplog.text and "secret" not in caplog.text


def test_an_endpoint_may_be_called_without_values(site, caplog):
    url = site.put("/process/", b"{}")
    with caplog.at_level("INFO"):
        assert call_plugin_endpoint(url, None, debug=True) == url
    assert call_plugin_endpoint(url, None) == url
    assert "the fields []" in caplog.text


def test_endpoints_are_rewritten_like_all_urls(app, site):
    app.config["URL_REWRITE_RULES"] = [("http://outside/", f"{site.url}/")]
    put_json(site, "/plugins/other/", METADATA)
    site.put("/plugins/other/process/", b"{}")
    with app.app_context():
        endpoint = get_plugin_endpoint("http://outside/plugins/other/")
        assert (
            call_plugin_endpoint("http://outside/plugins/other/process/", {}) == endpoint
        )


@pytest.mark.parametrize(
    ("status", "reads_as"),
    [
        ("PENDING", "PENDING"),
        ("SUCCESS", "SUCCESS"),
        ("FAILURE", "FAILURE"),
        ("UNKNOWN", "FAILURE"),
        ("REVOKED", "FAILURE"),
        (None, "FAILURE"),
    ],
)
def test_a_status_reads_as_pending_success_or_failure(site, status, reads_as):
    url = put_json(site, "/tasks/1/", {"status": status, "log": "text"})
    assert get_task_result_no_wait(url) == (reads_as, {"status": status, "log": "text"})


def test_an_answer_that_is_no_task_is_an_error_with_its_url(site):
    url = site.put("/tasks/1/", b"<html>")
    with pytest.raises(JSONDecodeError, match=url) as raised:
        get_task_result_no_wait(url)
    again = pickle.loads(pickle.dumps(raised.value))  # as a worker tells it
    assert isinstance(again, PluginAnswerError) and isinstance(again, RequestException)
    url = site.put("/tasks/2/", b"[]")
    with pytest.raises(PluginAnswerError, match=url):
        get_task_result_no_wait(url)


def test_a_server_that_is_away_is_an_error():
    with pytest.raises(ConnectionError):
        get_task_result_no_wait("http://127.0.0.1:9/tasks/1/")
