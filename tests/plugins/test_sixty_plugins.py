"""Sixty plugins of all kinds, three of them broken: the others work, and people are told."""

import logging
import os
import re

import pytest
import requests
from celery import Celery
from helpers.plugins import dangling_references, isolated_plugins, problems, registry
from helpers.product import Product
from helpers.sixty import write_plugins

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.storage import FileStore
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

# Many of the plugins are here because they use removed APIs.
pytestmark = pytest.mark.filterwarnings(
    "ignore::qhana_plugin_runner.util.compat.PluginCompatWarning"
)

HTML = {"Accept": "text/html"}


class LogLines(logging.Handler):
    def __init__(self):
        super().__init__(logging.ERROR)
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return write_plugins(tmp_path_factory.mktemp("sixty") / "all", 60, broken=3)


@pytest.fixture(scope="module")
def log():
    handler = LogLines()
    logger = logging.getLogger("qhana_plugin_runner.plugins.loading")
    logger.addHandler(handler)
    yield handler.lines
    logger.removeHandler(handler)


@pytest.fixture(scope="module")
def apps(written, log, tmp_path_factory):
    """Two apps of one process with what each of them wrote to the log."""
    stores = dict(FileStore.known)
    with isolated_plugins(tmp_path_factory.mktemp("apps")) as plugins:
        made = []
        for _ in range(2):
            log.clear()
            app = plugins.app(*written.folders, DEBUG=True)
            made.append((app, list(log)))
        yield made
    FileStore.known.clear()
    FileStore.known.update(stores)


@pytest.fixture(params=["first app", "second app"])
def app_and_log(request, apps):
    return apps[request.param == "second app"]


@pytest.fixture
def app(app_and_log):
    return app_and_log[0]


@pytest.fixture
def client(app):
    return app.test_client()


def expected(written, wanted):
    """Return name and version of the plugins of the wanted kinds, as they are listed."""
    found = [key for key, kind in written.kinds.items() if wanted(kind)]
    return sorted(found)


def listed(client):
    entries = client.get("/plugins/").json["plugins"]
    return [(entry["name"], entry["version"]) for entry in entries]


def test_there_are_sixty_of_which_three_are_broken(written):
    assert (len(written.kinds), len(written.broken)) == (57, 3)


def test_all_others_are_loaded(app, written):
    loaded = set(QHAnaPluginBase.get_plugins())
    assert {plugin_identifier(*key) for key in written.kinds} <= loaded
    assert len(problems(app)) == 3
    mounted = expected(written, lambda kind: kind.listed)
    assert set(registry(app).mounted) == {plugin_identifier(*key) for key in mounted}


def test_those_with_a_blueprint_are_listed_in_order(client, written):
    assert listed(client) == expected(written, lambda kind: kind.listed)


def test_each_says_what_it_is(client, written):
    for name, version in expected(written, lambda kind: kind.listed):
        answer = client.get(f"/plugins/{plugin_identifier(name, version)}/")
        assert answer.status_code == 200, (name, answer.text)
        assert (answer.json["name"], answer.json["version"]) == (name, version)


def test_each_micro_frontend_is_shown(client, written):
    for name, version in expected(written, lambda kind: kind.has_ui):
        answer = client.get(f"/plugins/{plugin_identifier(name, version)}/ui/")
        assert (answer.status_code, answer.mimetype) == (200, "text/html"), name
        assert "<form" in answer.text or "Data of nothing" in answer.text, name


def test_the_newest_of_two_versions_is_found_by_the_name(client):
    answer = client.get("/plugins/one-hot/")
    assert answer.status_code == 307
    assert answer.location.endswith("/plugins/one-hot@v0-10-0/")


def test_the_document_has_the_paths_of_all(client, written):
    document = client.get("/api-spec.json").json
    assert dangling_references(document) == []
    for name, version in expected(written, lambda kind: kind.listed):
        assert f"/plugins/{plugin_identifier(name, version)}/" in document["paths"]


def test_a_plugin_made_by_a_plugin_is_listed_too(client, written):
    before = listed(client)
    url = "/plugins/virtual-parent-0@v0-2-1/children/aa-child/"
    assert client.put(url).status_code == 204
    assert listed(client) == [("aa-child", "v1.0.0"), *before]


@pytest.mark.parametrize("page", ["/", "/debug/"])
def test_pages_name_each_broken_one_with_cause_and_fix(client, written, page):
    # What people read: without tags, each of which may stand in the middle of a text.
    answer = client.get(page, headers=HTML)
    assert answer.mimetype == "text/html"
    text = re.sub(r"<[^>]*>", "", answer.text)
    for broken in written.broken:
        for part in (broken.file.stem, broken.cause, broken.fix):
            assert part in text, (page, part)


def test_the_log_names_each_broken_one_with_cause_and_fix(app_and_log, written):
    lines = app_and_log[1]
    assert len(lines) == 3
    for broken in written.broken:
        (line,) = [line for line in lines if broken.file.name in line]
        assert broken.cause in line and broken.fix in line


def own_tasks(names, written):
    """Return the names of the plugins' tasks; this process may know some of other tests."""
    prefixes = tuple(f"{plugin_identifier(*key)}." for key in written.kinds)
    return sorted(name for name in names if name.startswith(prefixes))


def test_web_and_worker_serve_the_same_plugins_and_tasks(apps, written, tmp_path):
    folders = os.pathsep.join(str(folder) for folder in written.folders)
    here = own_tasks(CELERY.tasks, written)
    for name, version in expected(written, lambda kind: kind.tasks):
        prefix = f"{plugin_identifier(name, version)}."
        assert [task for task in here if task.startswith(prefix)], prefix
    with Product(
        tmp_path / "instance", "--workers", "1", environment={"PLUGIN_FOLDERS": folders}
    ) as product:
        text = (product.instance / "broker" / "valkey.conf").read_text()
        given = dict(line.split(" ", 1) for line in text.splitlines())
        url = f"redis://:{given['requirepass']}@127.0.0.1:{given['port']}/0"
        with Celery(broker=url, set_as_current=False) as asking:
            (worker,) = asking.control.inspect(timeout=60, limit=1).registered().values()
        answer = requests.get(f"{product.url}plugins/", timeout=30)
        log = product.log
    served = {(plugin["name"], plugin["version"]) for plugin in answer.json()["plugins"]}
    assert served == set(expected(written, lambda kind: kind.listed))
    # Celery adds the options of some tasks to their names.
    assert own_tasks((name.partition(" ")[0] for name in worker), written) == here
    for broken in written.broken:
        assert broken.cause in log
        said = re.findall(rf"{re.escape(str(broken.file))}\)? failed", log)
        assert len(said) == 1  # by one process of all
    assert log.count("use APIs that libraries have removed") == 1
    assert "A compatibility shim serves it" not in log
