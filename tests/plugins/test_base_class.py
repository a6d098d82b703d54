"""What subclassing the base class does, as plugins rely on it."""

import pytest
from helpers.plugins import plugin_source, registry
from packaging.version import Version

from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier


def define(name="plain", version="v1.2.3", **attributes):
    return type(
        "Plain", (QHAnaPluginBase,), {"name": name, "version": version, **attributes}
    )


@pytest.mark.parametrize(
    ("name", "version", "identifier"),
    [
        ("hello-world", "v0.2.1", "hello-world@v0-2-1"),
        ("a.b", "1.0", "a-b@1-0"),
        ("x", "v1", "x@v1"),
    ],
)
def test_identifier_is_name_and_version_with_dashes_for_dots(name, version, identifier):
    assert plugin_identifier(name, version) == identifier


def test_subclass_is_instantiated_and_listed_at_once(plugins):
    plain = define()
    assert isinstance(plain.instance, plain)
    assert plain.instance.identifier == "plain@v1-2-3"
    assert QHAnaPluginBase.get_plugins() == {"plain@v1-2-3": plain.instance}


def test_instance_gets_no_app_before_one_is_created_and_the_current_one_after(plugins):
    early = define("early")
    assert early.instance.app is None
    app = plugins.app()
    assert early.instance.app is app
    assert define("late").instance.app is app
    assert QHAnaPluginBase.__app__ is app


def test_init_may_be_overridden_and_gets_the_app_by_keyword(plugins):
    seen = []

    def init(self, *, app):
        seen.append(app)

    define(__init__=init)
    assert seen == [None]


@pytest.mark.parametrize(
    ("version", "parsed"),
    [("v1.2.3", "1.2.3"), ("2.0a1", "2.0a1"), ("v1.0.0.post2", "1.0.0.post2")],
)
def test_version_is_pep_440_with_an_optional_v(plugins, version, parsed):
    assert define(version=version).instance.parsed_version == Version(parsed)


def test_unknown_kind_of_version_sorts_before_all(plugins):
    odd = define(version="nightly")
    assert odd.instance.parsed_version < Version("0.0.1a1")


def test_plugin_without_blueprint_or_requirements_says_so(plugins):
    plain = define()
    with pytest.raises(NotImplementedError, match="no endpoints"):
        plain.instance.get_api_blueprint()
    with pytest.raises(NotImplementedError, match="no requirements"):
        plain.instance.get_requirements()


def test_plugin_without_description_and_tags_is_listed(plugins):
    source = plugin_source("silent").replace(
        '    description = "A plugin for tests."\n', ""
    )
    plugins.write("silent.py", source.replace('    tags = ["test"]\n', ""))
    (entry,) = plugins.client().get("/plugins/").json["plugins"]
    assert (entry["description"], entry["tags"]) == ("", [])


def test_class_of_a_reloaded_module_replaces_the_former_one(plugins):
    define()
    again = define()
    assert QHAnaPluginBase.get_plugins() == {"plain@v1-2-3": again.instance}
    assert registry(plugins.app(plugins.root)).failures[0].is_note  # it has no blueprint
