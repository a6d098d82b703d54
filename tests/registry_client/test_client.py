"""The client finds resources of the registry by their rels."""

import threading

import pytest
from flask import Flask
from requests.exceptions import HTTPError, Timeout
from werkzeug.wrappers import Response

from qhana_plugin_runner.registry_client import client as client_module
from qhana_plugin_runner.registry_client.client import (
    PluginRegistryClient,
    RegistryAnswerError,
)

# searching


def test_the_registry_itself_is_found_first(registry, client):
    response = client.search_by_rel("api")
    assert response.data["title"] == "registry"
    assert registry.paths() == ["/api/"]


def test_the_registry_itself_can_be_left_out(registry, client):
    response = client.search_by_rel("api", ignore_base_match=True)
    assert response.self == f"{registry.url}/api/more/"


def test_a_collection_is_found_by_the_type_of_its_resources(registry, client):
    response = client.search_by_rel("plugin")
    assert response.is_collection_resource()
    assert [link["resourceType"] for link in response.data["items"]] == ["plugin"] * 3
    assert registry.paths() == ["/api/", "/api/plugins/"]


def test_all_rels_have_to_match(client):
    assert (
        client.search_by_rel(["collection", "service"]).data["self"]["resourceType"]
        == "service"
    )
    assert client.search_by_rel(["collection", "service", "plugin"]) is None


def test_a_single_plugin_is_found_by_filters(registry, client):
    plugin = client.search_by_rel(
        "plugin", query_params={"name": "beta"}, allow_collection_resource=False
    )
    assert plugin.data["name"] == "beta"
    assert registry.calls == [
        ("GET", "/api/", {}),
        ("GET", "/api/plugins/", {"name": ["beta"]}),
        ("GET", "/api/plugins/beta/", {}),
    ]


def test_what_is_embedded_is_not_fetched(registry, client):
    registry.embeds = True
    plugin = client.search_by_rel(
        "plugin", {"name": "beta"}, allow_collection_resource=False
    )
    assert plugin.data["name"] == "beta"
    assert registry.paths() == ["/api/", "/api/plugins/"]


def test_filters_that_nothing_passes_find_nothing(registry, client):
    query = {"name": "missing"}
    assert client.search_by_rel("plugin", query, allow_collection_resource=False) is None


def test_an_item_of_a_given_collection_comes_before_its_links(client):
    collection = client.search_by_rel("plugin")
    plugin = client.search_by_rel("plugin", base=collection, ignore_base_match=True)
    assert plugin.data["name"] == "alpha"


def test_a_given_base_that_matches_is_returned_without_a_request(registry, client):
    collection = client.search_by_rel("plugin")
    before = len(registry.calls)
    assert client.search_by_rel("plugin", base=collection) is collection
    assert len(registry.calls) == before


def test_collections_are_searched_before_apis(registry, client):
    assert client.search_by_rel("thing").self == f"{registry.url}/api/more/things/"
    paths = [
        "/api/",
        "/api/services/",
        "/api/plugins/",
        "/api/more/",
        "/api/more/things/",
    ]
    assert registry.paths() == paths


def test_further_pages_are_searched(registry, client):
    registry.page_size = 1
    registry.extra["/api/plugins/alpha/"] = Response(status=500)
    collection = client.search_by_rel("plugin")
    collection.data["items"] = []
    plugin = client.search_by_rel(
        "plugin", base=collection, ignore_base_match=True, allow_collection_resource=False
    )
    assert plugin.data["name"] == "beta"


def test_filters_are_set_once_on_pages_that_repeat_them(registry, client):
    registry.plugins = ["beta"] * 3
    registry.page_size = 1
    page = client.search_by_rel("plugin", {"name": "beta"})
    client.search_by_rel("next", {"name": "beta"}, base=page)
    assert registry.calls[-1][2] == {"cursor": ["1"], "name": ["beta"]}


def test_a_search_in_vain_fetches_everything_once(registry, client):
    registry.page_size = 1
    assert client.search_by_rel("unknown") is None
    visited = [(path, str(query)) for _, path, query in registry.calls]
    assert len(visited) == len(set(visited)) == 7
    assert {method for method, _, _ in registry.calls} == {"GET"}


def test_a_search_does_not_call_links_that_need_a_method(registry, client):
    assert client.search_by_rel("create") is None
    assert client.search_by_rel("refresh") is None
    assert {method for method, _, _ in registry.calls} == {"GET"}


def test_a_search_for_a_method_calls_the_link(registry, client):
    answer = client.search_by_rel(["plugin", "post"], {"url": "http://h/p/?a=1"})
    assert answer.data["self"]["resourceType"] == "accepted"
    assert registry.calls[-1] == ("POST", "/api/plugins/", {"url": ["http://h/p/?a=1"]})


# following rels


def test_rels_are_followed_one_after_the_other(registry, client):
    answer = client.fetch_by_rel(
        ["plugin", ["plugin", "post"]], query_params={"url": "http://p"}
    )
    assert answer.matches_rel("accepted")
    assert registry.calls == [
        ("GET", "/api/", {}),
        ("GET", "/api/plugins/", {}),
        ("POST", "/api/plugins/", {"url": ["http://p"]}),
    ]


def test_the_last_rel_may_be_to_a_resource(client):
    assert client.fetch_by_rel(["thing"]).data["self"]["resourceType"] == "thing"
    assert client.fetch_by_rel(["api", "plugin"]).is_collection_resource()


def test_rels_are_followed_to_a_single_resource(client):
    plugin = client.fetch_by_rel(
        ["api", "plugin"], {"name": "gamma"}, allow_collection_resource=False
    )
    assert plugin.data["name"] == "gamma"


def test_a_rel_that_is_not_found_ends_the_way(client):
    assert client.fetch_by_rel(["unknown", ["plugin", "post"]]) is None
    assert client.fetch_by_rel(["plugin", ["unknown", "post"]]) is None


def test_each_link_with_the_method_is_called(registry, client):
    client.fetch_by_rel(["api", ["job", "post"]], json={"a": 1})
    made = [call for call in registry.calls if call[0] == "POST"]
    assert made == [("POST", "/api/more/first/", {}), ("POST", "/api/more/second/", {})]
    assert registry.bodies[-2:] == [b'{"a": 1}', b'{"a": 1}']


@pytest.mark.parametrize(
    ("rel", "call"),
    [
        ("put", ("PUT", "/api/plugins/beta/refresh/")),
        ("delete", ("DELETE", "/api/plugins/beta/")),
    ],
)
def test_methods_are_named_by_rels(registry, client, rel, call):
    query = {"name": "beta"}
    plugin = client.search_by_rel("plugin", query, allow_collection_resource=False)
    client.fetch_by_rel([["plugin", rel]], base=plugin, body=b"raw")
    assert registry.calls[-1][:2] == call
    assert registry.bodies[-1] == b"raw"


def test_a_link_is_followed_with_the_method_that_it_names(registry, client):
    collection = client.search_by_rel("plugin")
    (link,) = collection.get_links_by_rel("post")
    assert (
        client.fetch_by_api_link(link, {"url": "x", "left-out": None}).data["self"]["rel"]
        == []
    )
    assert registry.calls[-1] == ("POST", "/api/plugins/", {"url": ["x"]})


def test_a_relative_link_is_followed_from_the_registry(registry, client):
    link = {"href": "plugins/alpha/", "rel": [], "resourceType": "plugin"}
    assert client.fetch_by_api_link(link).data["name"] == "alpha"


# what is kept


def test_in_a_block_everything_is_fetched_once(registry, client):
    with client as same:
        assert same is client
        for _ in range(3):
            client.search_by_rel("plugin")
    assert registry.paths() == ["/api/", "/api/plugins/"]


def test_after_the_block_only_apis_are_kept(registry, client):
    for _ in range(2):
        with client:
            client.search_by_rel("plugin")
    assert registry.paths() == ["/api/", "/api/plugins/", "/api/plugins/"]


def test_without_a_block_only_apis_are_kept(registry, client):
    for _ in range(2):
        client.search_by_rel("plugin")
    assert registry.paths() == ["/api/", "/api/plugins/", "/api/plugins/"]


def test_an_inner_block_uses_what_the_outer_one_fetched_and_leaves_it(registry, client):
    with client:
        client.search_by_rel("plugin")
        with client:
            client.search_by_rel("plugin")
        client.search_by_rel("plugin")
    assert registry.paths() == ["/api/", "/api/plugins/"]


def test_a_block_that_fails_ends_too(registry, client):
    with pytest.raises(KeyError), client:
        client.search_by_rel("plugin")
        raise KeyError
    client.search_by_rel("plugin")
    assert registry.paths() == ["/api/", "/api/plugins/", "/api/plugins/"]


def test_a_call_makes_what_was_fetched_before_old(registry, client):
    with client:
        client.fetch_by_rel(["plugin", ["plugin", "post"]])
        client.search_by_rel("plugin")
    assert [method for method, path, _ in registry.calls[1:]] == ["GET", "POST", "GET"]


def test_apis_are_kept_for_a_day(registry, client, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(client_module, "monotonic", lambda: now)
    client.search_by_rel("api")
    now += 24 * 60 * 60 - 1
    client.search_by_rel("api")
    assert len(registry.calls) == 1
    now += 2
    client.search_by_rel("api")
    assert len(registry.calls) == 2


def test_apis_are_fetched_anew_after_a_link_led_nowhere(registry, client):
    client.search_by_rel("api")
    registry.broken["/api/plugins/"] = 404
    with pytest.raises(HTTPError):
        client.search_by_rel("plugin")
    registry.broken.clear()
    assert client.search_by_rel("plugin") is not None
    assert registry.paths() == ["/api/", "/api/plugins/", "/api/", "/api/plugins/"]


def test_changing_a_response_does_not_change_what_is_kept(client):
    with client:
        for rel in ("api", "plugin"):
            client.search_by_rel(rel).data["title"] = "changed"
            assert client.search_by_rel(rel).data.get("title") != "changed"


def test_threads_have_blocks_of_their_own(registry, client):
    inside, leave = threading.Barrier(2, timeout=60), threading.Event()
    found = []

    def search():
        with client:
            found.append(client.search_by_rel("plugin"))
            inside.wait()
            leave.wait(60)
            found.append(client.search_by_rel("plugin"))

    thread = threading.Thread(target=search)
    thread.start()
    inside.wait()
    client.search_by_rel("plugin")
    leave.set()
    thread.join()
    assert len(found) == 2
    assert registry.paths().count("/api/plugins/") == 2


def test_many_threads_share_one_client(registry, client):
    problems = []

    def search():
        try:
            for name in registry.plugins:
                with client:
                    plugin = client.search_by_rel(
                        "plugin", {"name": name}, allow_collection_resource=False
                    )
                    assert plugin.data["name"] == name
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=search) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


# configuration and trouble


def test_a_client_is_ready_when_a_url_is_configured(client):
    assert client.ready
    assert client.plugin_registry_url.endswith("/api/")


@pytest.mark.parametrize("url", [None, ""])
def test_without_a_url_there_is_no_registry(url):
    client = PluginRegistryClient()
    assert not client.ready
    app = Flask("test")
    app.config["PLUGIN_REGISTRY_URL"] = url
    client.init_app(app)
    assert not client.ready and client.plugin_registry_url is None
    with pytest.raises(ValueError, match="PLUGIN_REGISTRY_URL"):
        client.search_by_rel("plugin")


def test_the_registry_is_that_of_the_current_app(client):
    app = Flask("other")
    with app.app_context():
        assert not client.ready
        app.config["PLUGIN_REGISTRY_URL"] = "http://other/"
        assert client.plugin_registry_url == "http://other/"
    assert client.plugin_registry_url != "http://other/"


def test_urls_of_the_registry_are_rewritten_like_all_urls(registry, client):
    app = Flask("other")
    app.config["PLUGIN_REGISTRY_URL"] = "http://registry.outside/api/"
    app.config["URL_REWRITE_RULES"] = [("http://registry.outside/", f"{registry.url}/")]
    with app.app_context():
        assert client.search_by_rel("plugin") is not None


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"{}", b'{"data": {}}', b'{"data": {"self": {"href": 1}}}']
)
def test_an_answer_that_is_none_of_a_registry_is_an_error(registry, client, body):
    registry.extra["/api/"] = Response(body)
    with pytest.raises(RegistryAnswerError, match="/api/.*PLUGIN_REGISTRY_URL"):
        client.search_by_rel("plugin")


def test_an_error_status_is_raised(registry, client):
    registry.broken["/api/"] = 503
    with pytest.raises(HTTPError, match="503"):
        client.search_by_rel("plugin")


def test_a_registry_that_is_silent_is_given_up(registry):
    silent = threading.Event()

    class Body:
        def __iter__(self):
            silent.wait(60)
            return iter(())

    registry.extra["/api/"] = Response(Body())
    app = Flask("test")
    app.config["PLUGIN_REGISTRY_URL"] = f"{registry.url}/api/"
    try:
        with pytest.raises(Timeout):
            PluginRegistryClient(app, timeout=0.1).search_by_rel("plugin")
    finally:
        silent.set()
