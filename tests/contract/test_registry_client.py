"""The registry as plugins see it: what ``registry_client`` promises plugin authors."""

import json
from pathlib import Path

import pytest
import requests
from flask import Flask
from helpers.plugins import isolated_plugins
from helpers.site import serving
from werkzeug.wrappers import Request, Response

from qhana_plugin_runner.registry_client import PLUGIN_REGISTRY_CLIENT
from qhana_plugin_runner.registry_client import client as client_module
from qhana_plugin_runner.registry_client.client import PluginRegistryClient
from qhana_plugin_runner.registry_client.types import ApiResponse, match_api_link

CALLED_PLUGINS = Path(__file__).with_name("called_plugins")


def link(href, *rel, type_="plugin", **more):
    return {"href": href, "rel": list(rel), "resourceType": type_, **more}


class Registry:
    """A small registry over HTTP that remembers its calls as (method, path with query)."""

    def __init__(self):
        self.url = ""
        self.calls = []
        self.pages = {}
        self.put(link("/", "api", type_="api"), [link("/plugins/", "collection")])
        self.put(
            link("/plugins/", "collection"),
            [link("/plugins/", "post", "create"), link("/", "up", "api", type_="api")],
            items=[link("/plugins/a/"), link("/plugins/b/")],
            collectionSize=2,
        )
        for name in "ab":
            self.put(
                link(f"/plugins/{name}/"),
                [link("/plugins/", "up", "collection")],
                name=name,
            )

    def put(self, own_link, links=(), embedded=(), **data):
        document = {"data": {"self": own_link, **data}, "links": list(links)}
        if embedded:
            document["embedded"] = embedded
        self.pages[own_link["href"]] = document
        return document

    def __call__(self, environ, start_response):
        request = Request(environ)
        query = environ["QUERY_STRING"]
        self.calls.append((request.method, request.path + (query and f"?{query}")))
        if request.method != "GET":
            response = Response(status=204)
        elif request.path in self.pages:
            response = Response(
                json.dumps(self.pages[request.path]), mimetype="application/json"
            )
        else:
            response = Response(status=404)
        return response(environ, start_response)

    def take_calls(self):
        calls, self.calls = self.calls, []
        return calls


@pytest.fixture
def registry():
    registry = Registry()
    with serving(registry) as registry.url:
        yield registry


@pytest.fixture
def client(registry):
    """A client like the one that plugins import, which has kept nothing of other tests."""
    app = Flask("runner")
    app.config["PLUGIN_REGISTRY_URL"] = f"{registry.url}/"
    with app.app_context():
        yield PluginRegistryClient()


def get_json(url):
    with requests.get(url, timeout=60) as response:
        response.raise_for_status()
        return response.json()


def found(response):
    return response and response.self


# how the registry finds plugins


def test_the_registry_finds_a_plugin_by_crawling_the_runner(tmp_path):
    with isolated_plugins(tmp_path) as plugins:
        with serving(plugins.app(CALLED_PLUGINS)) as url:
            assert isinstance(get_json(f"{url}/"), dict)
            listed = {p["name"]: p for p in get_json(f"{url}/plugins")["plugins"]}
            plugin = get_json(listed["greeter"]["apiRoot"])
    needed = {"name", "version", "title", "description", "type", "tags", "entryPoint"}
    assert needed <= plugin.keys()
    assert {"href", "uiHref"} <= plugin["entryPoint"].keys()


# the client


def test_plugins_import_one_client():
    assert isinstance(PLUGIN_REGISTRY_CLIENT, PluginRegistryClient)


def test_it_is_a_client_of_the_registry_at_the_configured_url(client, registry):
    assert client.plugin_registry_url == f"{registry.url}/"
    assert found(client.search_by_rel("api")) == "/"
    assert registry.take_calls() == [("GET", "/")]


def test_it_is_a_context_manager(client):
    with client as entered:
        assert entered is client
        assert found(entered.search_by_rel(["plugin", "collection"])) == "/plugins/"


@pytest.mark.parametrize(
    ("config", "ready"),
    [
        ({}, False),
        ({"PLUGIN_REGISTRY_URL": None}, False),
        ({"PLUGIN_REGISTRY_URL": ""}, False),
        ({"PLUGIN_REGISTRY_URL": "http://registry.example/"}, True),
    ],
)
def test_ready_says_whether_a_url_is_set(config, ready):
    app = Flask("runner")
    app.config.update(config)
    with app.app_context():
        assert PLUGIN_REGISTRY_CLIENT.ready is ready


# responses


def test_a_response_has_data_links_keyed_links_and_embedded(client, registry):
    keyed = link("/plugins/{id}/", key=["id"])
    page = registry.put(
        link("/", "api", type_="api"),
        [link("/plugins/", "collection")],
        embedded=[{"data": {"self": link("/plugins/a/")}, "links": []}],
        title="A registry",
    )
    page["keyedLinks"] = [keyed]
    response = client.search_by_rel("api")
    assert isinstance(response, ApiResponse)
    assert response.data == page["data"]
    assert response.data["title"] == "A registry"
    assert list(response.links) == page["links"]
    assert list(response.keyed_links) == [keyed]
    (embedded,) = response.embedded.values()
    assert response.embedded == {"/plugins/a/": embedded}
    assert embedded.data == {"self": link("/plugins/a/")}
    assert response.self == "/"


def test_an_answer_with_204_reads_as_accepted(client):
    answer = client.fetch_by_api_link(link("/plugins/", "post"))
    assert answer.data["self"]["resourceType"] == "accepted"
    assert answer.matches_rel("accepted") and not answer.is_collection_resource()


def test_a_rel_matches_an_entry_of_rel():
    plugins = link("/plugins/", "collection", "page")
    assert match_api_link(plugins, "page")
    assert match_api_link(plugins, ["collection", "page"])
    assert not match_api_link(plugins, ["collection", "next"])


def test_a_rel_matches_the_resource_type():
    assert match_api_link(link("/plugins/"), "plugin")
    assert match_api_link(link("/plugins/", "collection"), ["plugin", "collection"])
    assert not match_api_link(link("/plugins/"), "service")


def test_a_response_matches_and_filters_its_links_by_rel(client):
    plugins = client.search_by_rel(["plugin", "collection"])
    assert plugins.matches_rel(["collection", "plugin"])
    assert plugins.is_collection_resource()
    assert [found["href"] for found in plugins.get_links_by_rel("api")] == ["/"]
    assert plugins.get_links_by_rel(["plugin", "post"]) == [
        link("/plugins/", "post", "create")
    ]
    assert plugins.get_links_by_rel("api", resource_type="plugin") == []


# search_by_rel


def test_a_search_starts_at_the_url_of_the_registry(client, registry):
    client.search_by_rel(["plugin", "collection"])
    assert registry.take_calls() == [("GET", "/"), ("GET", "/plugins/")]


def test_a_search_starts_at_the_response_that_is_given(client, registry):
    plugin = client.fetch_by_api_link(link("/plugins/a/"))
    registry.take_calls()
    assert found(client.search_by_rel("collection", base=plugin)) == "/plugins/"
    assert registry.take_calls() == [("GET", "/plugins/")]


def test_a_start_that_matches_is_the_result(client, registry):
    plugin = client.fetch_by_api_link(link("/plugins/a/"))
    registry.take_calls()
    assert found(client.search_by_rel("plugin", base=plugin)) == "/plugins/a/"
    assert registry.take_calls() == []


def test_a_start_that_matches_can_be_ignored(client):
    plugin = client.fetch_by_api_link(link("/plugins/a/"))
    other = client.search_by_rel("plugin", base=plugin, ignore_base_match=True)
    assert found(other) == "/plugins/"


def test_links_are_followed_that_match_all_rels(client, registry):
    registry.put(
        link("/", "api", type_="api"),
        [
            link("/services/", "collection", type_="service"),
            link("/plugins/a/"),
            link("/plugins/", "collection"),
        ],
    )
    assert found(client.search_by_rel(["plugin", "collection"])) == "/plugins/"
    assert registry.take_calls() == [("GET", "/"), ("GET", "/plugins/")]


def test_the_items_of_a_collection_come_before_its_links(client, registry):
    registry.pages["/plugins/"]["links"].insert(0, link("/plugins/b/", "featured"))
    collection = client.search_by_rel(["plugin", "collection"])
    plugin = client.search_by_rel("plugin", base=collection, ignore_base_match=True)
    assert found(plugin) == "/plugins/a/"


def test_items_that_are_embedded_are_not_fetched(client, registry):
    page = registry.pages["/plugins/"]
    page["embedded"] = [registry.pages["/plugins/a/"]]
    plugin = client.search_by_rel("plugin", allow_collection_resource=False)
    assert plugin.data["name"] == "a"
    assert registry.take_calls() == [("GET", "/"), ("GET", "/plugins/")]


def test_the_search_descends_into_collections(client, registry):
    registry.put(link("/", "api", type_="api"), [link("/x/", "collection", type_="x")])
    registry.put(link("/x/", "collection", type_="x"), [link("/y/", type_="y")])
    registry.put(link("/y/", type_="y"))
    assert found(client.search_by_rel("y")) == "/y/"


def test_the_search_descends_into_collections_before_apis(client, registry):
    registry.put(
        link("/", "api", type_="api"),
        [
            link("/more/", "api", type_="api"),
            link("/x/", "collection", type_="x"),
        ],
    )
    registry.put(link("/more/", "api", type_="api"), [link("/y/", type_="y")])
    registry.put(link("/x/", "collection", type_="x"))
    registry.put(link("/y/", type_="y"))
    assert found(client.search_by_rel("y")) == "/y/"
    paths = [path for _, path in registry.take_calls()]
    assert paths == ["/", "/x/", "/more/", "/y/"]


def test_nothing_that_matches_is_none(client):
    assert client.search_by_rel("service") is None
    assert client.search_by_rel(["plugin", "service"]) is None


def test_filters_go_into_the_query(client, registry):
    plugin = client.search_by_rel(
        "plugin", query_params={"name": "a b"}, allow_collection_resource=False
    )
    assert found(plugin) == "/plugins/a/"
    assert ("GET", "/plugins/?name=a+b") in registry.take_calls()


# fetch_by_rel


def test_rels_are_followed_rel_by_rel(client, registry):
    registry.put(link("/", "api", type_="api"), [link("/x/", "collection", type_="x")])
    registry.put(link("/x/", "collection", type_="x"), [link("/plugins/b/")])
    plugin = client.fetch_by_rel(["x", "plugin"])
    assert plugin.data["name"] == "b"
    assert client.fetch_by_rel(["x", "z", "plugin"]) is None


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_a_last_rel_with_a_method_calls_each_matching_link_with_it(
    client, registry, method
):
    registry.put(
        link("/plugins/", "collection"),
        [
            link("/first/", method),
            link("/second/", method, "more"),
            link("/not-this/", method, type_="service"),
            link("/nor-this/", "more"),
        ],
    )
    answer = client.fetch_by_rel(["plugin", ["plugin", method]])
    assert answer.data["self"]["resourceType"] == "accepted"
    calls = [call for call in registry.take_calls() if call[0] != "GET"]
    assert calls == [(method.upper(), "/first/"), (method.upper(), "/second/")]


def test_the_registry_is_told_about_a_plugin_by_plugin_then_post(client, registry):
    """How the runner announces a virtual plugin."""
    url = "http://runner:5005/plugins/a@v1/"
    client.fetch_by_rel(["plugin", ["plugin", "post"]], query_params={"url": url})
    assert registry.take_calls() == [
        ("GET", "/"),
        ("GET", "/plugins/"),
        ("POST", "/plugins/?url=http%3A%2F%2Frunner%3A5005%2Fplugins%2Fa%40v1%2F"),
    ]


# what is kept


def test_apis_are_kept_for_24_hours(client, registry, monkeypatch):
    now = 1000.0
    monkeypatch.setattr(client_module, "monotonic", lambda: now)
    client.search_by_rel("api")
    now += 24 * 60 * 60 - 1
    client.search_by_rel("api")
    assert registry.take_calls() == [("GET", "/")]
    now += 1
    client.search_by_rel("api")
    assert registry.take_calls() == [("GET", "/")]


def test_others_are_kept_as_long_as_the_with_block(client, registry):
    with client:
        for _ in range(3):
            client.search_by_rel(["plugin", "collection"])
        assert registry.take_calls() == [("GET", "/"), ("GET", "/plugins/")]
    with client:
        client.search_by_rel(["plugin", "collection"])
    assert registry.take_calls() == [("GET", "/plugins/")]
