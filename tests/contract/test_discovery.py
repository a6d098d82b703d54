"""Where plugins are looked for, how their modules are called, and what a broken one costs."""

import sys

import pytest
from helpers.commands import in_a_process
from helpers.plugins import failures, plugin_source

from qhana_plugin_runner.celery import CELERY


def served(client):
    return [plugin["name"] for plugin in client.get("/plugins/").json["plugins"]]


def module_of(client, name):
    return client.get(f"/plugins/{name}@v1-0-0/").json["module"]


def test_a_folder_with_an_init_file_is_one_package(plugins):
    plugins.write("__init__.py", plugin_source("whole"))
    plugins.write("other.py", plugin_source("part-of-it"))
    assert served(plugins.client()) == ["whole"]


def test_otherwise_each_module_and_each_package_is_a_plugin_module(plugins):
    plugins.write("one.py", plugin_source("one"))
    plugins.write("two/__init__.py", plugin_source("two"))
    plugins.write("data/three.py", plugin_source("three"))  # no package
    plugins.write("readme.txt", "no module")
    assert served(plugins.client()) == ["one", "two"]


def test_names_that_start_with_a_dot_are_skipped(plugins):
    plugins.write(".one.py", plugin_source("one"))
    plugins.write(".two/__init__.py", plugin_source("two"))
    plugins.write("three.py", plugin_source("three"))
    assert served(plugins.client()) == ["three"]


def test_every_folder_of_the_setting_is_searched(plugins):
    plugins.write("a/one.py", plugin_source("one"))
    plugins.write("b/two.py", plugin_source("two"))
    client = plugins.client(plugins.folder / "a", plugins.folder / "b")
    assert served(client) == ["one", "two"]


@pytest.mark.parametrize(
    "path", ["one-hot_encoding.py", "optics-clustering/__init__.py", "2d plot.py"]
)
def test_names_of_files_need_not_be_identifiers(plugins, path):
    plugins.write(path, plugin_source("odd"))
    assert served(plugins.client()) == ["odd"]


def test_packages_use_relative_imports_inside_and_import_the_runner_absolutely(plugins):
    plugins.write("shop/__init__.py", plugin_source("shop", more="from . import routes"))
    plugins.write("shop/prices.py", "APPLES = 3")
    plugins.write(
        "shop/routes.py",
        """\
        from qhana_plugin_runner.db.models.tasks import ProcessingTask
        from . import BLP
        from .prices import APPLES

        @BLP.route("/apples/")
        def apples():
            from .prices import APPLES as again
            return {"price": APPLES, "again": again, "model": ProcessingTask.__name__}
        """,
    )
    answer = plugins.client().get("/plugins/shop@v1-0-0/apples/")
    assert answer.json == {"price": 3, "again": 3, "model": "ProcessingTask"}


def test_the_first_module_of_a_name_is_importable_under_it_and_is_that_object(plugins):
    plugins.write("data_creator/__init__.py", plugin_source("creator", more="KEPT = {}"))
    plugins.write("data_creator/schemas.py", "class InputSchema: pass")
    client = plugins.client()
    module = __import__("data_creator.schemas")
    assert module is sys.modules["data_creator"]
    assert module.Plugin.instance.identifier == "creator@v1-0-0"
    assert module.schemas.InputSchema.__module__ == "data_creator.schemas"
    assert module_of(client, "creator") == "data_creator"


def test_a_later_plugin_of_the_same_module_name_gets_another_name_and_works(plugins):
    for folder in ("a", "b"):
        plugins.write(f"{folder}/plot/__init__.py", plugin_source(f"{folder}-plot"))
        plugins.write(f"{folder}/plot/label.py", f"TEXT = {folder!r}")
        with (plugins.folder / folder / "plot" / "__init__.py").open("a") as file:
            file.write("\nfrom .label import TEXT\n")
    client = plugins.client(plugins.folder / "a", plugins.folder / "b")
    assert served(client) == ["a-plot", "b-plot"]
    names = [module_of(client, "a-plot"), module_of(client, "b-plot")]
    assert names[0] == "plot" != names[1]
    assert [sys.modules[name].TEXT for name in names] == ["a", "b"]


def test_tasks_have_the_same_names_in_web_processes_and_workers(plugins, tmp_path):
    for folder in ("a", "b"):
        more = """\
        from qhana_plugin_runner.celery import CELERY

        @CELERY.task(name=f"{IDENTIFIER}.named", bind=True)
        def named(self, db_id): ...

        @CELERY.task(bind=True)
        def unnamed(self, db_id): ...
        """
        plugins.write(f"{folder}/plot.py", plugin_source(f"{folder}-plot", more=more))
    folders = [str(plugins.folder / folder) for folder in ("a", "b")]
    app = plugins.app(*folders)
    assert app is CELERY.flask_app
    here = {name for name in CELERY.tasks if "named" in name}
    assert len(here) == 4
    there = in_a_process(
        """\
        from qhana_plugin_runner.celery_worker import CELERY
        print(*(name for name in CELERY.tasks if "named" in name))
        """,
        PLUGIN_FOLDERS=":".join(folders),
        QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(tmp_path / "instance"),
    )
    assert set(there) == here


def test_create_app_may_be_called_many_times_and_each_app_serves_all_plugins(plugins):
    plugins.write("one.py", plugin_source("one"))
    clients = [plugins.client() for _ in range(3)]
    for client in clients:
        assert served(client) == ["one"]
        assert client.get("/plugins/one@v1-0-0/").status_code == 200


BROKEN = {
    "missing dependency": "import a_package_that_nobody_has",
    "error": "1 / 0",
    "syntax": "def:",
    "exit": "raise SystemExit(3)",
    "constructor": "def __init__(self, app): 1 / 0",
    "init_app": "def init_app(self, app): 1 / 0",
    "blueprint": "def get_api_blueprint(self): 1 / 0",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_plugin_that_fails_anywhere_does_not_stop_the_others(plugins, kind):
    plugins.write("a_good.py", plugin_source("a-good"))
    plugins.write("z_good.py", plugin_source("z-good"))
    code = BROKEN[kind]
    if code.startswith("def "):
        source = plugin_source("broken").replace('    tags = ["test"]\n', f"    {code}\n")
        if kind == "blueprint":  # the one of the class follows and would win
            source = source.replace("        return BLP", "        return 1 / 0")
    else:
        source = code
    plugins.write("broken.py", source)
    client = plugins.client()
    assert served(client) == ["a-good", "z-good"]
    assert client.get("/plugins/z-good@v1-0-0/").status_code == 200
    assert len(failures(client.application)) == 1


def test_a_plugin_module_may_be_imported_before_an_app_is_created(plugins, tmp_path):
    path = plugins.write("early.py", plugin_source("early"))
    printed = in_a_process(f"""\
        import sys
        sys.path.insert(0, {str(path.parent)!r})
        import early
        from qhana_plugin_runner import create_app
        app = create_app({{"PLUGIN_FOLDERS": [{str(path.parent)!r}]}})
        print(app.test_client().get("/plugins/early@v1-0-0/").json["plugin"])
        print(sys.modules["early"] is early)
        """)
    assert printed == ["early@v1-0-0", "True"]


def test_an_empty_blueprint_is_told_where_plugins_are_listed_for_people(plugins):
    source = plugin_source("hollow")
    routes = source.index('@BLP.route("/")')
    swallowed = (
        "try:\n    import a_package_that_nobody_has\nexcept ImportError:\n    pass\n"
    )
    plugins.write("hollow.py", source[:routes] + swallowed)
    page = plugins.client().get("/", headers={"Accept": "text/html"}).text
    assert "hollow" in page
    assert "Its blueprint has no routes" in page
