"""``/plugins/`` and the way from a name to a version."""

import pytest
from flask_babel import lazy_gettext

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.virtual_plugins import VirtualPlugin
from qhana_plugin_runner.util.plugins import QHAnaPluginBase


def source(name, version, tags=("a", "b")):
    return f"""
        from qhana_plugin_runner.api.util import SecurityBlueprint
        from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

        BLP = SecurityBlueprint(plugin_identifier({name!r}, {version!r}), __name__)

        @BLP.route("/")
        def metadata():
            return {{"name": {name!r}, "version": {version!r}}}

        class Plugin(QHAnaPluginBase):
            name = {name!r}
            version = {version!r}
            description = "About {name}."
            tags = {list(tags)!r}

            def get_api_blueprint(self):
                return BLP
    """


SOURCES = [
    source("zoo", "v1.0.0"),
    source("zoo", "v10.0.0"),
    source("zoo", "v9.0.0"),
    source("zoo", "v11.0.0a1"),
    source("ape", "0.1", tags=()),
]


@pytest.fixture
def app(with_plugins):
    return with_plugins(*SOURCES)


def add_virtual(app, parent, name="virtual"):
    with app.app_context():
        href = f"http://elsewhere/{name}/"
        DB.session.add(VirtualPlugin(parent, name, "v1", "Virtual.", "x\ny", href))
        DB.session.commit()


def test_plugins_are_listed_by_name_and_version(client):
    answer = client.get("/plugins/", base_url="https://host:8443/runner")
    assert answer.status_code == 200
    plugins = answer.get_json()["plugins"]
    assert [(plugin["name"], plugin["version"]) for plugin in plugins] == [
        ("ape", "0.1"),
        ("zoo", "v1.0.0"),
        ("zoo", "v10.0.0"),
        ("zoo", "v11.0.0a1"),
        ("zoo", "v9.0.0"),
    ]
    assert plugins[0] == {
        "name": "ape",
        "version": "0.1",
        "identifier": "ape@0-1",
        "apiRoot": "https://host:8443/runner/plugins/ape@0-1/",
        "description": "About ape.",
        "tags": [],
    }
    assert plugins[1]["tags"] == ["a", "b"]


def test_the_list_follows_what_plugins_say_of_themselves(client):
    def ape(language):
        answer = client.get("/plugins/", headers={"Accept-Language": language})
        return answer.get_json()["plugins"][0], answer

    assert ape("en")[0]["description"] == "About ape."
    plugin = QHAnaPluginBase.get_plugins()["ape@0-1"]
    plugin.tags = ["new"]
    assert ape("en")[0]["tags"] == ["new"]
    plugin.description = lazy_gettext("Choose file")
    for language, text in (("en", "Choose file"), ("de", "Datei auswählen")):
        entry, answer = ape(language)
        assert entry["description"] == text
        assert "Accept-Language" in answer.vary


def test_without_plugins_the_list_is_empty(with_plugins):
    assert with_plugins().test_client().get("/plugins/").get_json() == {"plugins": []}


def test_the_api_root_of_a_plugin_answers(client):
    for plugin in client.get("/plugins/").get_json()["plugins"]:
        assert client.get(plugin["apiRoot"]).get_json()["version"] == plugin["version"]


@pytest.mark.parametrize("parent", ["zoo", "zoo@v9-0-0"])
def test_a_virtual_plugin_is_listed_with_its_parent(app, client, parent):
    add_virtual(app, parent)
    listed = client.get("/plugins/").get_json()["plugins"]
    assert [plugin for plugin in listed if plugin["name"] == "virtual"] == [
        {
            "name": "virtual",
            "version": "v1",
            "identifier": "virtual@v1",
            "apiRoot": "http://elsewhere/virtual/",
            "description": "Virtual.",
            "tags": ["x", "y"],
        }
    ]


@pytest.mark.parametrize("parent", ["zo", "zoo@v2", "hidden", "unknown", ""])
def test_a_virtual_plugin_without_its_parent_is_not_listed(app, client, parent):
    add_virtual(app, parent)
    names = {plugin["name"] for plugin in client.get("/plugins/").get_json()["plugins"]}
    assert names == {"ape", "zoo"}


def test_without_the_last_slash_the_list_is_found_too(client):
    answer = client.get("/plugins")
    assert answer.status_code in (301, 308)
    assert answer.location.endswith("/plugins/")


@pytest.mark.parametrize("query", ["", "?a=b%20c&d=%C3%BC"])
def test_a_name_leads_to_the_newest_version(client, query):
    answer = client.get(f"/plugins/zoo/{query}", base_url="http://host/runner")
    assert answer.status_code == 307
    assert answer.location == f"http://host/runner/plugins/zoo@v11-0-0a1/{query}"


@pytest.mark.parametrize(
    "name", ["unknown", "hidden", "zoo@v2-0-0", "ZOO", "%00", "..", "ü", "x" * 5000]
)
def test_an_unknown_name_is_not_found(client, name):
    answer = client.get(f"/plugins/{name}/")
    assert answer.status_code == 404
    error = answer.get_json()
    assert (error["code"], error["status"]) == (404, "Not Found")
    assert error["message"]
