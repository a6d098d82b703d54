"""The base class of plugins: what defining a subclass does, and what a subclass may say."""

import importlib
import sys

import pytest
from helpers.plugins import plugin_source
from packaging.version import Version

from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier


@pytest.fixture
def define(plugins):
    """Define a plugin with further members, as its module does."""

    def define(**members):
        members = {"name": "weather", "version": "v1.2.0", **members}
        return type("Weather", (QHAnaPluginBase,), members)

    return define


def test_defining_a_subclass_registers_it(define):
    plugin = define()
    assert QHAnaPluginBase.get_plugins()["weather@v1-2-0"] is plugin.instance


def test_the_class_is_instantiated_with_none_before_there_is_an_app(define):
    given = []
    define(__init__=lambda self, app: given.append(app))
    assert given == [None]


def test_the_class_is_instantiated_with_the_app_when_there_is_one(plugins):
    plugins.write(
        "weather.py",
        plugin_source("weather", more="GIVEN = Plugin.instance.app"),
    )
    app = plugins.app()
    assert sys.modules["weather"].GIVEN is app


def test_the_instance_is_kept_at_the_class(define):
    plugin = define()
    assert type(plugin.instance) is plugin


@pytest.mark.parametrize(
    ("name", "version", "identifier"),
    [
        ("hello-world", "v0.2.1", "hello-world@v0-2-1"),
        ("a.b", "1.0.0.dev1", "a-b@1-0-0-dev1"),
        ("x", "2", "x@2"),
    ],
)
def test_an_identifier_has_dashes_for_all_dots(define, name, version, identifier):
    assert plugin_identifier(name, version) == identifier
    assert define(name=name, version=version).instance.identifier == identifier


@pytest.mark.parametrize("version", ["1.10.0", "v1.10.0", "1.10", "v1.10.dev3", "2!1.0"])
def test_versions_are_those_of_pep_440_with_or_without_a_v(define, version):
    assert define(version=version).instance.parsed_version == Version(version)


def test_name_version_description_tags_and_has_api_are_listed(plugins):
    plugins.write("weather.py", plugin_source("weather", "v3.0.0"))
    (entry,) = plugins.client().get("/plugins/").json["plugins"]
    entry.pop("apiRoot")
    assert entry == {
        "name": "weather",
        "version": "v3.0.0",
        "identifier": "weather@v3-0-0",
        "description": "A plugin for tests.",
        "tags": ["test"],
    }


def test_has_api_is_false_without_a_blueprint(define, plugins):
    plugin = define()
    plugins.app()
    assert plugin.has_api is QHAnaPluginBase.has_api is False


@pytest.mark.parametrize("line", ["", "    has_api = False\n"], ids=["unset", "false"])
def test_a_plugin_with_a_blueprint_is_served_whatever_has_api_says(plugins, line):
    tags = '    tags = ["test"]\n'
    plugins.write("weather.py", plugin_source("weather").replace(tags, tags + line))
    client = plugins.client()
    assert type(QHAnaPluginBase.get_plugins()["weather@v1-0-0"]).has_api is True
    assert [each["name"] for each in client.get("/plugins/").json["plugins"]] == [
        "weather"
    ]
    assert client.get("/plugins/weather@v1-0-0/").status_code == 200


def test_init_app_is_called_for_each_app(plugins):
    plugins.write(
        "weather.py",
        """\
        from qhana_plugin_runner.util.plugins import QHAnaPluginBase

        APPS = []

        class Weather(QHAnaPluginBase):
            name = "weather"
            version = "1"

            def init_app(self, app):
                APPS.append(app)
        """,
    )
    apps = [plugins.app(), plugins.app()]
    assert sys.modules["weather"].APPS == apps


def test_the_class_is_instantiated_with_the_keyword_app(define):
    given = {}
    define(__init__=lambda self, **keywords: given.update(keywords))
    assert given == {"app": None}


INIT_APP = """\
    CALLS = []

    class Weather(QHAnaPluginBase):
        name = "rain"
        version = "1"

        def __init__(self, app):
            super().__init__(app)
            CALLS.append("after the base class")

        def init_app(self, app):
            CALLS.append(app)

    class Careless(QHAnaPluginBase):
        name = "snow"
        version = "1"

        def __init__(self, app):
            CALLS.append("without the base class")

        def init_app(self, app):
            CALLS.append(app)
"""


def test_init_app_is_called_once_an_app_and_in_the_base_class_when_there_is_one(plugins):
    plugins.write("weather.py", plugin_source("weather", more=INIT_APP))
    first = plugins.app()
    calls = sys.modules["weather"].CALLS
    assert calls == [first, "after the base class", "without the base class", first]
    del calls[:]
    second = plugins.app()
    assert calls == [second, second]


def test_init_app_waits_for_the_app_when_the_module_is_imported_before(
    plugins, monkeypatch
):
    plugins.write("weather.py", plugin_source("weather", more=INIT_APP))
    monkeypatch.syspath_prepend(plugins.folder)
    calls = importlib.import_module("weather").CALLS
    assert calls == ["after the base class", "without the base class"]
    del calls[:]
    app = plugins.app()
    assert calls == [app, app]


def test_blueprint_and_requirements_are_not_implemented_unless_overridden(define):
    plugin = define().instance
    with pytest.raises(NotImplementedError):
        plugin.get_api_blueprint()
    with pytest.raises(NotImplementedError):
        plugin.get_requirements()


def test_blueprint_and_requirements_may_be_overridden(define):
    plugin = define(
        get_api_blueprint=lambda self: "the blueprint",
        get_requirements=lambda self: "numpy~=1.26\nscipy",
    ).instance
    assert plugin.get_api_blueprint() == "the blueprint"
    assert plugin.get_requirements() == "numpy~=1.26\nscipy"


def test_get_plugins_gives_instances_by_identifier(define):
    one, two = define(), define(version="v2.0.0")
    known = QHAnaPluginBase.get_plugins()
    assert known["weather@v1-2-0"] is one.instance
    assert known["weather@v2-0-0"] is two.instance


def test_the_base_class_knows_the_current_app_its_config_and_logger(plugins):
    plugins.write(
        "weather.py",
        plugin_source(
            "weather",
            more="""\
            @BLP.route("/station/")
            def station():
                app = QHAnaPluginBase.__app__
                app.logger.debug("asked for the station")
                return {"station": app.config["WEATHER_STATION"]}
            """,
        ),
    )
    client = plugins.client(WEATHER_STATION="Stuttgart")
    assert QHAnaPluginBase.__app__ is client.application
    answer = client.get("/plugins/weather@v1-0-0/station/")
    assert answer.json == {"station": "Stuttgart"}


def test_the_identifier_of_the_instance_names_celery_tasks_at_import(plugins):
    plugins.write(
        "weather.py",
        plugin_source(
            "weather",
            more="""\
            from qhana_plugin_runner.celery import CELERY

            @CELERY.task(name=f"{Plugin.instance.identifier}.forecast", bind=True)
            def forecast(self, db_id: int) -> str:
                return "rain"
            """,
        ),
    )
    plugins.app()
    weather = sys.modules["weather"]
    assert weather.forecast.name == "weather@v1-0-0.forecast"
    assert weather.forecast(db_id=1) == "rain"


def test_the_blueprint_may_be_built_before_the_class(plugins):
    source = plugin_source("weather")
    assert source.index("BLP = SecurityBlueprint(") < source.index("class Plugin(")
    plugins.write("weather.py", source)
    assert plugins.client().get("/plugins/weather@v1-0-0/").status_code == 200
