"""Which files of which folders become plugins, and under which module names."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helpers.plugins import plugin_source, registry

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.plugins.modules import find_modules
from qhana_plugin_runner.util.plugins import QHAnaPluginBase


def modules(client, *identifiers):
    return [client.get(f"/plugins/{each}/").json["module"] for each in identifiers]


def names(*folders):
    return [source.name for source in find_modules(folders)]


@pytest.mark.parametrize(
    "file",
    [
        "one-hot_encoding.py",
        "optics-clustering/__init__.py",
        "2nd plugin.py",
        "class.py",
        "v1.2-plugin.py",
        "größe.py",
    ],
)
def test_file_names_need_not_be_identifiers(plugins, file):
    plugins.write(file, plugin_source("odd"))
    client = plugins.client()
    assert client.get("/plugins/odd@v1-0-0/").json["plugin"] == "odd@v1-0-0"


def test_modules_and_packages_of_a_folder_are_plugins_and_the_rest_is_not(plugins):
    for path in ("b.py", "a/__init__.py", "c/__init__.py"):
        plugins.write(path, "")
    others = ("notes.txt", "data/x.py", "b.pyc", "conftest.py", "test_b.py")
    for path in (".hidden.py", ".git/__init__.py", *others):
        plugins.write(path, "raise RuntimeError('this is no plugin')")
    plugins.write(
        "test_c.py", "class Test(Base):\n    name = 'test'\n    version = '1'\n"
    )
    (plugins.folder / "folder.py").mkdir()
    (plugins.folder / "dangling.py").symlink_to("nowhere.py")
    # What is named like a test and is a plugin all the same has always been one.
    assert names(plugins.folder) == ["a", "b", "c", "test_c"]


def test_folder_that_may_not_be_read_stops_nothing(plugins, monkeypatch, caplog):
    plugins.write("good.py", plugin_source("good"))
    closed = plugins.root / "closed"
    closed.mkdir()
    read = Path.iterdir

    def iterdir(path):
        if path == closed:  # for root there is none
            raise PermissionError(13, "Permission denied")
        return read(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    app = plugins.app(closed, plugins.folder)
    assert list(registry(app).mounted) == ["good@v1-0-0"]
    assert [text for text in caplog.messages if "Permission denied" in text] == [
        f"the plugin folder {closed} cannot be read (Permission denied); create it or "
        "correct PLUGIN_FOLDERS"
    ]


def test_folder_that_is_a_package_is_one_plugin(plugins):
    plugins.write("single/__init__.py", plugin_source("single"))
    plugins.write("single/part.py", "raise RuntimeError('this is no plugin')")
    app = plugins.app(plugins.folder / "single")
    assert list(registry(app).mounted) == ["single@v1-0-0"]
    assert registry(app).failures == []


def test_package_imports_its_parts_relatively(plugins):
    plugins.write(
        "parted/__init__.py",
        plugin_source("parted", more="from . import more\nfrom .deep.down import WORD\n"),
    )
    plugins.write(
        "parted/more.py",
        """
        from . import BLP
        from .deep import down

        @BLP.route("/more/")
        def more():
            return {"word": down.WORD}
        """,
    )
    plugins.write("parted/deep/__init__.py", "")
    plugins.write("parted/deep/down.py", "from ..words import WORD\n")
    plugins.write("parted/words.py", "WORD = 'found'\n")
    client = plugins.client()
    assert client.get("/plugins/parted@v1-0-0/more/").json == {"word": "found"}


def test_folder_that_does_not_exist_is_one_warning(plugins, caplog):
    plugins.write("good.py", plugin_source("good"))
    app = plugins.app(plugins.root / "nowhere", plugins.folder)
    (record,) = [r for r in caplog.records if r.levelname == "WARNING"]
    assert "nowhere" in record.getMessage() and "PLUGIN_FOLDERS" in record.getMessage()
    assert list(registry(app).mounted) == ["good@v1-0-0"]


def test_optional_folder_may_be_missing(plugins, caplog, monkeypatch):
    monkeypatch.chdir(plugins.root)
    plugins.app("./local_plugins")
    assert caplog.records == []


@pytest.mark.parametrize("kind", ["file", "loop"])
def test_folder_that_cannot_be_listed_is_one_warning(plugins, caplog, kind):
    odd = plugins.root / "odd"
    if kind == "file":
        odd.write_text("")
    else:
        odd.symlink_to(odd)
    app = plugins.app(odd)
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert registry(app).failures == []


def test_same_folder_twice_or_by_a_link_is_loaded_once(plugins):
    plugins.write("good.py", plugin_source("good"))
    link = plugins.root / "link"
    link.symlink_to(plugins.folder)
    app = plugins.app(plugins.folder, f"{plugins.folder}/../plugins", link)
    assert list(registry(app).mounted) == ["good@v1-0-0"]
    assert registry(app).failures == []


TWIN = """
    from qhana_plugin_runner.celery import CELERY
    from .words import WORD

    @CELERY.task
    def work():
        return WORD

    @BLP.route("/work/")
    def show():
        return {"word": work(), "task": work.name}
"""


def test_two_plugins_of_one_module_name_both_work(plugins):
    for side in ("left", "right"):
        source = plugin_source(f"twin-{side}", more=TWIN)
        plugins.write(f"{side}/twin/__init__.py", source)
        plugins.write(f"{side}/twin/words.py", f"WORD = 'from the {side}'\n")
    client = plugins.client(plugins.folder / "left", plugins.folder / "right")
    assert modules(client, "twin-left@v1-0-0", "twin-right@v1-0-0") == ["twin", "twin__2"]
    for side, task in (("left", "twin.work"), ("right", "twin__2.work")):
        shown = client.get(f"/plugins/twin-{side}@v1-0-0/work/").json
        assert shown == {"word": f"from the {side}", "task": task}
        assert task in CELERY._tasks


def test_each_plugin_finds_the_templates_of_its_own_folder(plugins):
    more = """
    from flask import render_template

    @BLP.route("/page/")
    def page():
        return {"page": render_template(f"{Plugin.name}.txt")}
    """
    for side in ("left", "right"):
        plugins.write(
            f"{side}/twin/__init__.py", plugin_source(f"twin-{side}", more=more)
        )
        plugins.write(f"{side}/twin/templates/twin-{side}.txt", f"page of the {side}")
    client = plugins.client(plugins.folder / "left", plugins.folder / "right")
    for side in ("left", "right"):
        answer = client.get(f"/plugins/twin-{side}@v1-0-0/page/")
        assert answer.json == {"page": f"page of the {side}"}


def test_plain_import_gives_the_very_module_of_the_plugin(plugins):
    plugins.write("data_creator/__init__.py", plugin_source("data-creator"))
    plugins.write("data_creator/schemas.py", "from . import Plugin\n")
    plugins.app()
    module = importlib.import_module("data_creator")
    schemas = importlib.import_module("data_creator.schemas")
    assert module.Plugin.instance is schemas.Plugin.instance
    assert QHAnaPluginBase.get_plugins() == {
        "data-creator@v1-0-0": module.Plugin.instance
    }


@pytest.mark.parametrize("name", ["early_plugin", "plugins.early_plugin"])
@pytest.mark.parametrize("file", ["early_plugin.py", "early_plugin/__init__.py"])
def test_module_may_be_imported_before_the_app_is_created(
    plugins, monkeypatch, name, file
):
    plugins.write(file, plugin_source("early"))
    monkeypatch.syspath_prepend(plugins.root if "." in name else plugins.folder)
    monkeypatch.delitem(sys.modules, "plugins", raising=False)
    early = importlib.import_module(name)
    app = plugins.app()
    assert registry(app).failures == []
    assert registry(app).mounted == {"early@v1-0-0": early.Plugin.instance}
    assert importlib.import_module("early_plugin") is early
    monkeypatch.delitem(sys.modules, "plugins", raising=False)


@pytest.mark.parametrize(
    "name", ["json", "colorsys", "requests", "gunicorn", "qhana_plugin_runner"]
)
def test_plugin_hides_no_other_module(plugins, name):
    plugins.write(f"{name}.py", plugin_source("clash"))
    assert modules(plugins.client(), "clash@v1-0-0") == [f"{name}__2"]
    found = importlib.import_module(name)
    assert not Path(found.__file__).is_relative_to(plugins.root)


def test_plugin_hides_no_installed_package_without_init_file(plugins, monkeypatch):
    package = plugins.root / "site-packages" / "vendor_of_many"
    package.mkdir(parents=True)
    package.joinpath("tool.py").write_text("FOUND = True\n")
    monkeypatch.syspath_prepend(package.parent)
    plugins.write("vendor_of_many.py", plugin_source("vendor"))
    assert modules(plugins.client(), "vendor@v1-0-0") == ["vendor_of_many__2"]
    assert importlib.import_module("vendor_of_many.tool").FOUND
    sys.modules.pop("vendor_of_many")


SHOW_NAMES = """
import json, sys
from qhana_plugin_runner import create_app
app = create_app({"PLUGIN_FOLDERS": sys.argv[1:], "TESTING": True})
client = app.test_client()
mounted = app.extensions["qhana_plugins"].mounted
print(json.dumps({key: type(plugin).__module__ for key, plugin in mounted.items()}))
"""


def test_names_are_the_same_in_every_process(plugins):
    for folder in ("one", "two"):
        for name in ("same", "json", "tasks", "helpers"):
            plugins.write(f"{folder}/{name}.py", plugin_source(f"{name}-{folder}"))
    # A module of the working directory, which some processes can import and some cannot.
    plugins.write("tasks.py", "")
    script = plugins.root / "show_names.py"
    script.write_text(SHOW_NAMES)
    folders = [str(plugins.folder / folder) for folder in ("one", "two")]
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    seen = []
    for start in ([str(script)], ["-c", SHOW_NAMES]):
        result = subprocess.run(
            [sys.executable, *start, *folders],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=plugins.folder,
            env=environment,
        )
        assert result.returncode == 0, result.stderr
        seen.append(json.loads(result.stdout))
    assert seen[0] == seen[1]
    assert seen[0]["same-one@v1-0-0"] == "same"
    assert seen[0]["same-two@v1-0-0"] == "same__2"
    assert seen[0]["tasks-one@v1-0-0"] == "tasks"
