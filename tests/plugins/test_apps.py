"""Several apps in one process, several versions of one plugin."""

import pytest
from helpers.plugins import plugin_source, registry


def test_each_app_serves_all_plugins_and_init_app_is_called_for_each(plugins):
    source = "APPS = []\n\n" + plugin_source("counting").replace(
        "    def get_api",
        "    def init_app(self, app):\n        APPS.append(app)\n\n    def get_api",
    )
    plugins.write("counting.py", source)
    plugins.write("other.py", plugin_source("other"))
    first, second = plugins.app(), plugins.app()
    (counting,) = {
        type(registry(app).mounted["counting@v1-0-0"]) for app in (first, second)
    }
    assert counting.init_app.__globals__["APPS"] == [first, second]
    for app in (first, second):
        client = app.test_client()
        names = [entry["name"] for entry in client.get("/plugins/").json["plugins"]]
        assert names == ["counting", "other"]
        for name in names:
            assert (
                client.get(f"/plugins/{name}@v1-0-0/").json["plugin"] == f"{name}@v1-0-0"
            )
        assert registry(app).failures == []


def test_app_with_other_folders_serves_the_plugins_of_the_process_too(plugins):
    plugins.write("one/one.py", plugin_source("one"))
    plugins.write("two/two.py", plugin_source("two"))
    first = plugins.app(plugins.folder / "one")
    second = plugins.app(plugins.folder / "two")
    assert list(registry(first).mounted) == ["one@v1-0-0"]
    assert list(registry(second).mounted) == ["one@v1-0-0", "two@v1-0-0"]
    assert first.test_client().get("/plugins/two@v1-0-0/").status_code == 404


def test_same_module_name_keeps_its_module_in_later_apps(plugins):
    plugins.write("one/same.py", plugin_source("one"))
    plugins.write("two/same.py", plugin_source("two"))
    one, two = plugins.folder / "one", plugins.folder / "two"
    for folders in ((one, two), (two,), (two, one)):
        client = plugins.client(*folders)
        assert client.get("/plugins/one@v1-0-0/").json["module"] == "same"
        assert client.get("/plugins/two@v1-0-0/").json["module"] == "same__2"


VERSIONS = ["v1.9.0", "v1.10.0a1", "1.10.0.dev5", "v1.2", "nightly"]


@pytest.fixture
def versions(plugins):
    for number, version in enumerate(VERSIONS):
        plugins.write(f"v{number}.py", plugin_source("many", version))
    return plugins.app()


def test_versions_are_sorted_by_pep_440_newest_first(versions):
    found = [plugin.version for plugin in registry(versions).versions_of("many")]
    assert found == ["v1.10.0a1", "1.10.0.dev5", "v1.9.0", "v1.2", "nightly"]
    assert registry(versions).versions_of("none") == []


def test_name_leads_to_the_newest_version_and_keeps_the_query(versions):
    answer = versions.test_client().get("/plugins/many/?a=%20b&a=c%2Fd&x=")
    assert answer.status_code == 307
    target = "http://localhost/plugins/many@v1-10-0a1/?a=%20b&a=c%2Fd&x="
    assert answer.headers["Location"] == target
    plain = versions.test_client().get("/plugins/many/")
    assert plain.headers["Location"] == "http://localhost/plugins/many@v1-10-0a1/"


def test_redirect_leads_to_the_plugin(versions):
    answer = versions.test_client().get("/plugins/many/", follow_redirects=True)
    assert answer.json["plugin"] == "many@v1-10-0a1"


def test_unknown_name_is_404_as_json(versions):
    answer = versions.test_client().get("/plugins/none/")
    assert answer.status_code == 404
    assert answer.json["code"] == 404 and "none" in answer.json["message"]
