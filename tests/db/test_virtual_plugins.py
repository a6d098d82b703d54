"""Virtual plugins and the key-value stores."""

import pytest
from helpers.databases import on_each_database

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import DB_SIGNALS
from qhana_plugin_runner.db.models.virtual_plugins import (
    VIRTUAL_PLUGIN_CREATED,
    VIRTUAL_PLUGIN_REMOVED,
    DataBlob,
    PluginState,
    VirtualPlugin,
)

pytestmark = [pytest.mark.usefixtures("context"), on_each_database]

STORES = [(PluginState, [1, {"a": None}], "other"), (DataBlob, b"\x00\xff", b"other")]
each_store = pytest.mark.parametrize(
    "store, first, second", STORES, ids=["state", "blob"]
)


@each_store
def test_a_value_can_be_set_replaced_and_deleted(store, first, second):
    assert store.set_value("plugin", "key", first, commit=True) is None
    assert store.get_value("plugin", "key") == first
    assert store.set_value("plugin", "key", second, commit=True) == first
    assert store.get_item("plugin", "key").value == second
    assert store.delete_value("plugin", "key", commit=True) == second
    assert store.delete_value("plugin", "key", commit=True) is None
    assert store.get_item("plugin", "key") is None


@each_store
def test_a_deleted_value_is_gone_before_the_commit(store, first, second):
    store.set_value("plugin", "key", first, commit=True)
    assert store.delete_value("plugin", "key") == first
    assert store.get_value("plugin", "key", None) is None
    assert store.delete_value("plugin", "key") is None
    store.set_value("plugin", "key", second)
    assert store.get_value("plugin", "key") == second
    store.delete_value("plugin", "key")
    DB.session.rollback()
    assert store.get_value("plugin", "key") == first


@each_store
def test_values_of_plugins_are_kept_apart_and_need_a_commit(store, first, second):
    store.set_value("one", "key", first, commit=True)
    store.set_value("two", "key", second)
    assert store.get_value("two", "key") == second
    DB.session.rollback()
    assert store.get_value("two", "key", None) is None
    assert store.get_value("one", "key") == first


def test_all_state_of_a_plugin_or_of_matching_plugins_is_found():
    for plugin, key in [("a@v1", "y"), ("a@v1", "x"), ("a@v2", "z"), ("b@v1", "x")]:
        PluginState.set_value(plugin, key, None, commit=True)
    PluginState.set_value("my_a@v1-0", "k", None, commit=True)

    def keys(items):
        return [(item.plugin_id, item.key) for item in items]

    assert keys(PluginState.get_all_items("a@v1")) == [("a@v1", "x"), ("a@v1", "y")]
    assert keys(PluginState.get_all_items_like("a@")) == [
        ("a@v1", "x"),
        ("a@v1", "y"),
        ("a@v2", "z"),
        ("my_a@v1-0", "k"),
    ]
    assert keys(PluginState.get_all_items_like("_a@v1")) == [("my_a@v1-0", "k")]
    assert PluginState.get_all_items_like("%") == []


def virtual(name="virtual", version="v1.0.0", parent="parent", href="http://host/v"):
    plugin = VirtualPlugin(parent, name, version, "About it.", "one\ntwo words\n", href)
    DB.session.add(plugin)
    DB.session.commit()
    return plugin


def test_a_virtual_plugin_has_an_identifier_and_tags():
    plugin = virtual(name="a.b")
    assert plugin.identifier == "a-b@v1-0-0"
    assert plugin.tag_list == ["one", "two words"]
    plugin.tags = "one\rtwo\u2028words\r\n\n"
    assert plugin.tag_list == ["one", "two\u2028words"]
    assert VirtualPlugin("p", "n", "v", "", tags="", href="h").tag_list == []


def test_virtual_plugins_are_found_by_name_parent_url_and_condition():
    first, second = (
        virtual(href="http://host/1"),
        virtual("b", parent="p2", href="http://host/2"),
    )
    assert VirtualPlugin.get_all() == [second, first]
    assert VirtualPlugin.get_all(for_parents=["p2", "p3"]) == [second]
    assert VirtualPlugin.get_all(for_parents=[]) == []
    assert VirtualPlugin.get_all(filters=[VirtualPlugin.name == "virtual"]) == [first]
    assert VirtualPlugin.get_all_by_name("b") == [second]
    assert VirtualPlugin.get_by_href("http://host/1") is first
    assert VirtualPlugin.get_by_href("http://host/1", "p2") is None
    assert VirtualPlugin.get_by_href("http://host/2", parent_id="p2") is second
    assert VirtualPlugin.exists([VirtualPlugin.href == "http://host/1"])
    assert not VirtualPlugin.exists([VirtualPlugin.href == "http://host/3"])
    assert VirtualPlugin.exists()


def test_virtual_plugins_are_deleted_by_url_and_by_name_and_version():
    virtual(href="http://host/1")
    virtual(version="v2", href="http://host/2")
    VirtualPlugin.delete_by_href("http://host/1", parent_id="other", commit=True)
    assert len(VirtualPlugin.get_all()) == 2
    VirtualPlugin.delete_by_href("http://host/1", commit=True)
    assert [p.version for p in VirtualPlugin.get_all()] == ["v2"]
    VirtualPlugin.delete_by_name_and_version("virtual", "v2")
    DB.session.rollback()
    assert VirtualPlugin.exists()
    VirtualPlugin.delete_by_name_and_version("virtual", "v2", commit=True)
    assert not VirtualPlugin.exists()


@pytest.mark.parametrize("signal", [VIRTUAL_PLUGIN_CREATED, VIRTUAL_PLUGIN_REMOVED])
def test_the_signals_carry_the_url(app, signal):
    heard = []

    def listen(sender, plugin_url):
        heard.append((sender, plugin_url))

    with signal.connected_to(listen):
        signal.send(app, plugin_url="http://host/v")
    assert heard == [(app, "http://host/v")]
    assert DB_SIGNALS[signal.name] is signal
