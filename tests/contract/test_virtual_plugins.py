"""Plugins that are rows, and what plugins keep: what ``db.models.virtual_plugins`` promises
plugin authors."""

import json
import queue
from pathlib import Path

import pytest
from helpers.plugins import isolated_plugins
from helpers.site import serving
from helpers.worker import QUICK, working
from werkzeug.wrappers import Request, Response

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.virtual_plugins import (
    VIRTUAL_PLUGIN_CREATED,
    VIRTUAL_PLUGIN_REMOVED,
    DataBlob,
    PluginState,
    VirtualPlugin,
)

CALLED_PLUGINS = Path(__file__).with_name("called_plugins")


class Registry:
    """A registry that can be told about plugins, and nothing else."""

    def __init__(self):
        self.told = queue.Queue()

    def __call__(self, environ, start_response):
        request = Request(environ)
        if request.method == "POST":
            self.told.put((request.path, request.args.to_dict()))
            return Response(status=204)(environ, start_response)
        plugins = {"href": "/plugins/", "rel": ["collection"], "resourceType": "plugin"}
        create = {**plugins, "rel": ["post", "create"]}
        root = {"href": "/", "rel": ["api"], "resourceType": "api"}
        own, links = (plugins, [create]) if request.path != "/" else (root, [plugins])
        answer = Response(
            json.dumps({"data": {"self": own, "items": []}, "links": links})
        )
        return answer(environ, start_response)


@pytest.fixture
def registry():
    registry = Registry()
    with serving(registry) as registry.url:
        yield registry


@pytest.fixture
def app(tmp_path, registry):
    with isolated_plugins(tmp_path) as plugins:
        yield plugins.app(
            CALLED_PLUGINS, CELERY=QUICK, PLUGIN_REGISTRY_URL=f"{registry.url}/"
        )


def add_child(parent_id, name="child", tags=""):
    plugin = VirtualPlugin(
        parent_id=parent_id,
        name=name,
        version="v2.0.0",
        description="",
        tags=tags,
        href=f"http://elsewhere.example/{name}/",
    )
    DB.session.add(plugin)
    DB.session.commit()
    return plugin


def listed(client):
    return {plugin["name"]: plugin for plugin in client.get("/plugins/").json["plugins"]}


# virtual plugins


def test_a_plugin_made_at_runtime_is_listed_until_it_is_removed(client):
    path = "/plugins/parent@v1-0-0/children/child/"
    client.put(path)
    assert listed(client)["child"] == {
        "name": "child",
        "version": "v2.0.0",
        "identifier": "child@v2-0-0",
        "apiRoot": f"http://localhost{path}",
        "description": "Child child.",
        "tags": ["made here", "child"],
    }
    assert client.get(listed(client)["child"]["apiRoot"]).json == {"title": "child"}
    client.delete(path)
    assert "child" not in listed(client)


@pytest.mark.parametrize("parent_id", ["parent@v1-0-0", "parent"])
@pytest.mark.usefixtures("context")
def test_the_parent_is_the_identifier_or_the_name_of_a_loaded_plugin(client, parent_id):
    add_child(parent_id)
    assert listed(client)["child"]["apiRoot"] == "http://elsewhere.example/child/"


@pytest.mark.parametrize("parent_id", ["parent@v2-0-0", "par", "PARENT", "other", ""])
@pytest.mark.usefixtures("context")
def test_without_its_parent_a_virtual_plugin_is_not_listed(client, parent_id):
    add_child(parent_id)
    assert "child" not in listed(client)
    assert VirtualPlugin.exists()


@pytest.mark.usefixtures("context")
def test_tags_are_stored_one_a_line(client):
    plugin = add_child("parent", tags="one\ntwo words\n\nthree")
    assert plugin.tag_list == ["one", "two words", "three"]
    assert listed(client)["child"]["tags"] == ["one", "two words", "three"]
    assert add_child("parent", name="bare").tag_list == []


# state and blobs

VALUES = [(PluginState, {"a": [1, None]}, "text"), (DataBlob, b"\x00\xff", b"")]
each_store = pytest.mark.parametrize(
    ("store", "value", "other"), VALUES, ids=["state", "blob"]
)


@each_store
@pytest.mark.usefixtures("context")
def test_a_value_is_kept_per_plugin_id_and_key(store, value, other):
    store.set_value("one@v1", "key", value, commit=True)
    store.set_value("two@v1", "key", other, commit=True)
    store.set_value("one@v1", "other key", other, commit=True)
    DB.session.expire_all()
    assert store.get_value("one@v1", "key") == value
    assert store.get_value("two@v1", "key") == other
    assert store.get_value("one@v1", "other key") == other


@each_store
@pytest.mark.usefixtures("context")
def test_a_missing_value_is_the_default(store, value, other):
    assert store.get_value("plugin", "missing", other) == other
    assert store.get_value("plugin", "missing", default=None) is None


@each_store
@pytest.mark.usefixtures("context")
def test_a_missing_value_without_a_default_is_a_key_error(store, value, other):
    with pytest.raises(KeyError, match="'plugin'.*'missing'"):
        store.get_value("plugin", "missing")
    store.set_value("plugin", "missing", value)
    assert store.get_value("plugin", "missing") == value


@each_store
@pytest.mark.usefixtures("context")
def test_setting_a_value_returns_the_old_one(store, value, other):
    assert store.set_value("plugin", "key", value, commit=True) is None
    assert store.set_value("plugin", "key", other, commit=True) == value
    assert store.set_value("plugin", "key", value) == other


@pytest.mark.parametrize("value", [None, 0, "", [], {}, 1.5, True, "ü"])
@pytest.mark.usefixtures("context")
def test_state_is_any_json_value(value):
    PluginState.set_value("plugin", "key", value, commit=True)
    DB.session.expire_all()
    assert PluginState.get_value("plugin", "key", default="none") == value


# signals


@pytest.mark.parametrize("signal", [VIRTUAL_PLUGIN_CREATED, VIRTUAL_PLUGIN_REMOVED])
def test_each_signal_tells_the_registry(app, registry, signal):
    url = "http://runner:8080/plugins/parent@v1/children/ü/?a=1&b=2"
    with working():
        with app.app_context():
            signal.send(app, plugin_url=url)
        assert registry.told.get(timeout=60) == ("/plugins/", {"url": url})


def test_a_plugin_that_comes_and_goes_is_told_at_once(client, registry):
    path = "/plugins/parent@v1-0-0/children/child/"
    with working():
        for change in (client.put, client.delete):
            change(path)
            told = registry.told.get(timeout=60)
            assert told == ("/plugins/", {"url": f"http://localhost{path}"})
    assert registry.told.empty()
