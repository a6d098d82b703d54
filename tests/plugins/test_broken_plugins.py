"""A plugin that does something wrong loses itself only, and people are told why."""

import json
import logging
import os
import subprocess
import sys

import pytest
from helpers.plugins import dangling_references, failures, plugin_source, registry

from qhana_plugin_runner.util.plugins import PluginFailure, QHAnaPluginBase

FAILS_TO_IMPORT = {
    "missing": (
        "import no_such_package.part",
        "ModuleNotFoundError",
        "'no_such_package'",
    ),
    "name": ("from json import no_such_name", "ImportError", "of {case}.py"),
    "syntax": ("def f(:\n", "SyntaxError", "Correct line 1 of "),
    "indentation": ("def f():\nx = 1\n", "IndentationError", "Correct line 2 of "),
    "nul": ("x = 1\0", "SyntaxError", "Correct line"),
    "exits": ("import sys; sys.exit(3)", "SystemExit: 3", "must not end the process"),
    "quits": ("raise SystemExit", "SystemExit", "must not end the process"),
    "generator": ("raise GeneratorExit('x')", "GeneratorExit: x", "of {case}.py"),
    "own": (
        "class Stop(BaseException): pass\nraise Stop('several\\n  lines')",
        "Stop: several lines",
        "of {case}.py",
    ),
    "mute": (
        "class Mute(Exception):\n    def __str__(self): raise ValueError\nraise Mute",
        "Mute: its text cannot be shown",
        "of {case}.py",
    ),
    "deep": ("def f(): f()\nf()", "RecursionError", "of {case}.py"),
    "task_option": (
        "from qhana_plugin_runner.celery import CELERY\n"
        "@CELERY.task(name='task_option.work', base=5)\ndef work(): pass\n",
        "TypeError",
        "Correct ",
    ),
}

FAILS_TO_START = {
    "get": (
        "def get_api_blueprint(self): return {}['key']",
        "blueprint",
        "KeyError: 'key'",
    ),
    "none": (
        "def get_api_blueprint(self): pass",
        "blueprint",
        "get_api_blueprint() returned NoneType",
    ),
    "string": (
        "def get_api_blueprint(self): return 'blueprint'",
        "blueprint",
        "get_api_blueprint() returned str",
    ),
    "half": (
        "def get_api_blueprint(self): return self.make()\n"
        "    def make(self): raise NotImplementedError('to be done')",
        "blueprint",
        "NotImplementedError: to be done",
    ),
    "lazy": (
        "def get_api_blueprint(self): from no_such_package import BLP",
        "blueprint",
        "ModuleNotFoundError: No module named 'no_such_package'",
    ),
}


def assert_good_ones_work(app):
    client = app.test_client()
    listed = [entry["name"] for entry in client.get("/plugins/").json["plugins"]]
    assert {"good", "zz-good"} <= set(listed)
    for name in ("good", "zz-good"):
        assert client.get(f"/plugins/{name}@v1-0-0/").json["plugin"] == f"{name}@v1-0-0"
    assert {"/plugins/good@v1-0-0/", "/plugins/zz-good@v1-0-0/"} <= set(paths(client))


def paths(client):
    return client.get("/api-spec.json").json["paths"]


@pytest.fixture
def good(plugins):
    """The folder with two good plugins, the first and the last one to be loaded."""
    plugins.write("good.py", plugin_source("good"))
    plugins.write("zz_good.py", plugin_source("zz-good"))
    return plugins


@pytest.mark.parametrize("case", FAILS_TO_IMPORT)
def test_plugin_that_fails_to_import_is_named_with_cause_and_advice(good, case):
    source, error, advice = FAILS_TO_IMPORT[case]
    file = good.folder / f"{case}.py"
    file.write_text(source)
    app = good.app()

    assert_good_ones_work(app)
    assert set(registry(app).mounted) == {"good@v1-0-0", "zz-good@v1-0-0"}
    assert set(QHAnaPluginBase.get_plugins()) == set(registry(app).mounted)
    (failure,) = registry(app).failures
    assert failure.source == str(file)
    assert failure.stage == "import"
    assert failure.error.startswith(error) and "\n" not in failure.error
    assert advice.format(case=case) in failure.advice
    assert case not in sys.modules


def test_last_frames_show_the_line_in_the_plugin(good):
    file = good.write(
        "frames.py",
        """
        import importlib

        def outer():
            inner()

        def inner():
            importlib.import_module("no_such_package")

        outer()
        """,
    )
    failure = failures(good.app())["frames.py"]
    assert len(failure.frames) == 3
    assert f'"{file}", line 8, in inner' in failure.frames[-2]
    assert 'import_module("no_such_package")' in failure.frames[-2]
    assert "importlib" in failure.frames[-1]


def test_interrupt_by_the_operator_is_no_failure_of_a_plugin(good):
    good.write("interrupted.py", "raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        good.app()


def test_nothing_of_a_failed_package_stays_imported(good):
    good.write("half/__init__.py", "from . import part\nfrom . import gone\n")
    good.write("half/part.py", plugin_source("half"))
    app = good.app()
    assert list(failures(app)) == ["__init__.py"]
    assert not [name for name in sys.modules if name.split(".")[0] == "half"]
    assert "half@v1-0-0" not in QHAnaPluginBase.get_plugins()
    assert_good_ones_work(app)


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="needs Linux")
def test_file_that_cannot_be_read_is_a_failure(good):
    # Readable by its mode, also for root, but each read fails.
    (good.folder / "unreadable.py").symlink_to("/proc/self/mem")
    app = good.app()
    assert failures(app)["unreadable.py"].error.startswith("OSError: ")
    assert_good_ones_work(app)


def test_failure_of_a_file_that_cannot_be_looked_at_is_logged(caplog):
    file = f"/{'x' * 300}.py"
    PluginFailure("", file, "import", "the name is too long").log(logging.getLogger())
    assert file in caplog.messages[0]


def test_file_name_that_is_no_utf_8_can_be_shown(good):
    with open(os.fsencode(good.folder) + b"/caf\xe9.py", "w") as file:
        file.write("1 / 0")
    (failure,) = registry(good.app()).failures
    assert failure.source.endswith("/caf\N{REPLACEMENT CHARACTER}.py")
    "".join([failure.source, failure.error, *failure.frames]).encode()


@pytest.mark.parametrize("case", FAILS_TO_START)
def test_plugin_that_fails_to_start_is_named_with_cause_and_stage(good, case):
    method, stage, error = FAILS_TO_START[case]
    file = good.write(
        f"{case}.py",
        plugin_source(case).replace(
            "    def get_api", f"    {method}\n\n    def x_get_api"
        ),
    )
    app = good.app()

    assert_good_ones_work(app)
    assert set(registry(app).mounted) == {"good@v1-0-0", "zz-good@v1-0-0"}
    (failure,) = registry(app).failures
    assert failure.source == f"{case}@v1-0-0 ({file})"
    assert failure.stage == stage
    assert failure.error.startswith(error)
    assert failure.advice or not failure.frames
    assert app.test_client().get(f"/plugins/{case}@v1-0-0/").status_code == 404


@pytest.mark.parametrize(
    "method",
    ["raise NotImplementedError", "return super().get_api_blueprint()"],
    ids=["own", "base"],
)
def test_plugin_without_blueprint_is_not_mounted_which_is_noted(good, method):
    source = plugin_source("quiet")
    good.write("quiet.py", source.replace("return BLP", method))
    app = good.app()
    (note,) = registry(app).failures
    assert (note.name, note.is_note) == ("quiet@v1-0-0", True)
    assert "no endpoints" in note.error
    assert set(registry(app).mounted) == {"good@v1-0-0", "zz-good@v1-0-0"}
    assert "quiet@v1-0-0" in QHAnaPluginBase.get_plugins()


def test_blueprint_name_of_another_plugin_is_refused(good):
    source = plugin_source("taker").replace(
        "    IDENTIFIER, __name", "    'good@v1-0-0', __name"
    )
    good.write("taker.py", source)
    app = good.app()
    (failure,) = registry(app).failures
    assert "blueprint name 'good@v1-0-0' is taken" in failure.error
    assert_good_ones_work(app)


def test_blueprint_names_of_the_runner_are_refused(good):
    runners = sorted(set(good.app(good.root, DEBUG=True).blueprints))
    for number, name in enumerate(runners):
        source = plugin_source(f"taker-{number}")
        good.write(
            f"taker_{number}.py",
            source.replace("    IDENTIFIER, __name", f"    {name!r}, __name"),
        )
    app = good.app(DEBUG=True)
    refused = sorted(failure.error for failure in registry(app).failures)
    assert len(refused) == len(runners) >= 5
    for name, error in zip(runners, refused):
        assert f"blueprint name {name!r} is taken" in error
    assert_good_ones_work(app)


FAILING_CLASSES = {
    "init": (
        "def __init__(self, app): raise OSError('no key')",
        "class",
        "OSError: no key",
    ),
    "exit": ("def __init__(self, app): raise SystemExit(1)", "class", "SystemExit: 1"),
    "init_app": ("def init_app(self, app): 1 / 0", "init_app", "ZeroDivisionError"),
}


@pytest.mark.parametrize("case", FAILING_CLASSES)
def test_class_that_cannot_be_instantiated_is_skipped_and_its_module_goes_on(good, case):
    method, stage, error = FAILING_CLASSES[case]
    line = '    tags = ["test"]\n'
    source = plugin_source("failing").replace(line, f"{line}    {method}\n\n")
    source += "    # the rest of the module\n" + plugin_source("next")
    source = source.replace("class Plugin(", "class Failing(", 1)
    file = good.write("two.py", source + "HAS_INSTANCE = hasattr(Failing, 'instance')\n")
    for app in (good.app(), good.app()):
        assert_good_ones_work(app)
        assert set(registry(app).mounted) == {
            "good@v1-0-0",
            "next@v1-0-0",
            "zz-good@v1-0-0",
        }
        (failure,) = registry(app).failures
        assert failure.source == f"Failing ({file})"
        assert (failure.stage, failure.is_note) == (stage, False)
        assert failure.error.startswith(error)
        assert f'"{file}"' in failure.frames[-1]
    assert sys.modules["two"].HAS_INSTANCE is False


BASES = {
    "no name": ("version = 'v1'", "name"),
    "no version": ("name = 'base'", "version"),
    "number": ("name = 'base'; version = 1.0", "version"),
    "blank": ("name = ' '; version = 'v1'", "name"),
}


@pytest.mark.parametrize("case", BASES)
def test_class_without_name_or_version_is_noted_and_its_subclasses_are_plugins(
    good, case
):
    members, missing = BASES[case]
    base = (
        f"class Base(QHAnaPluginBase):\n    {members}\n    def shared(self): return 1\n"
    )
    plugin = "class Plugin("
    source = plugin_source("child").replace(f"{plugin}QHAnaPluginBase", f"{plugin}Base")
    file = good.write("child.py", source.replace(plugin, f"{base}\n\n{plugin}"))
    app = good.app()
    assert_good_ones_work(app)
    assert registry(app).mounted["child@v1-0-0"].shared() == 1
    (note,) = registry(app).failures
    assert (note.source, note.is_note) == (f"Base ({file})", True)
    assert f"no {missing}" in note.error


def test_of_two_classes_with_one_identifier_the_later_is_served(good):
    file = good.write("zz_again.py", plugin_source("good", more="WHICH = 'later'"))
    app = good.app()
    assert_good_ones_work(app)
    assert app.test_client().get("/plugins/good@v1-0-0/").json["module"] == "zz_again"
    (failure,) = registry(app).failures
    assert failure.source == f"good@v1-0-0 ({good.folder / 'good.py'})"
    assert f"the later Plugin in {str(file)!r} has the same name" in failure.error
    page = app.test_client().get("/", headers={"Accept": "text/html"}).text
    assert "the later Plugin in &#39;zz_again.py&#39; has the same name" in page


def test_the_former_class_is_served_when_the_module_of_the_later_fails(good):
    good.write("zz_again.py", plugin_source("good", more="import no_such_package"))
    app = good.app()
    assert_good_ones_work(app)
    assert app.test_client().get("/plugins/good@v1-0-0/").json["module"] == "good"
    assert [failure.stage for failure in registry(app).failures] == ["import"]


@pytest.mark.parametrize(
    "source",
    ["", "class CountWords:\n    name, version = 'count', '1'\n"],
    ids=["empty", "no base class"],
)
def test_module_that_defines_no_plugin_is_noted_in_each_app(good, source):
    file = good.write("forgotten.py", source)
    good.write("names_one.py", "from good import Plugin\n")
    for app in (good.app(), good.app()):
        (note,) = registry(app).failures
        assert (note.source, note.is_note) == (str(file), True)
        assert "defines no plugin" in note.error


def test_class_that_is_defined_later_and_fails_is_in_the_log(good, caplog):
    good.app()
    with caplog.at_level(logging.INFO, "qhana_plugin_runner.plugins.loading"):
        for members in (
            {"name": "late"},
            {"name": "late", "version": "1", "__init__": None},
        ):
            type("Late", (QHAnaPluginBase,), members)
    assert [
        "not served" in caplog.messages[0],
        "failed (class)" in caplog.messages[1],
    ] == [
        True,
        True,
    ]


HALF = """
    from flask import abort, g

    @BLP.before_request
    def answer_at_once():
        return "half"

    @BLP.before_app_request
    def answer_everything():
        return "all"

    @BLP.after_app_request
    def spoil(response):
        response.status_code = 418
        return response

    @BLP.app_errorhandler(404)
    def answer_missing(error):
        return "missing", 200

    @BLP.app_context_processor
    def spoil_pages():
        raise RuntimeError

    @BLP.record
    def fail(state):
        raise SystemExit("half-way")

    @BLP.route("/late/")
    def late():
        return "late"
"""


def test_half_mounted_blueprint_has_no_effect(good):
    good.write("half.py", plugin_source("half", more=HALF))
    app = good.app()
    (failure,) = registry(app).failures
    assert (failure.stage, failure.error) == ("blueprint", "SystemExit: half-way")
    client = app.test_client()
    for path in ("/plugins/half@v1-0-0/", "/plugins/half@v1-0-0/late/", "/nowhere/"):
        answer = client.get(path)
        assert (answer.status_code, answer.json["code"]) == (404, 404)
    assert client.get("/").json["title"]
    assert "half@v1-0-0" not in registry(app).mounted
    assert_good_ones_work(app)


ONCE = """
    @BLP.record_once
    def set_up(state):
        for names in (state.app.extensions, state.app.config):
            if "P_EXT" in names:
                raise RuntimeError("set up twice")
            names["P_EXT"] = IDENTIFIER
"""


@pytest.mark.parametrize("fails", [False, True])
def test_blueprint_that_may_set_up_an_app_only_once_does_so_if_it_is_served(good, fails):
    more = ONCE + ("\n    BLP.record(lambda state: 1 / 0)\n" if fails else "")
    good.write("once.py", plugin_source("once", more=more))
    app = good.app()
    assert ("once@v1-0-0" in failures(app)) is fails
    names = {app.extensions.get("P_EXT"), app.config.get("P_EXT")}
    assert names == {None if fails else "once@v1-0-0"}
    assert_good_ones_work(app)


def test_url_rule_that_flask_refuses_is_a_failure(good):
    good.write(
        "bad_rule.py",
        plugin_source("bad-rule", more="BLP.add_url_rule('/<open', 'x', lambda: '')\n"),
    )
    app = good.app()
    assert failures(app)["bad-rule@v1-0-0"].error.startswith("ValueError: ")
    assert app.test_client().get("/plugins/bad-rule@v1-0-0/").status_code == 404
    assert_good_ones_work(app)


def without_route(name, more=""):
    return plugin_source(name).partition("@BLP.route")[0] + more


def test_blueprint_without_routes_is_listed_and_reported(good):
    good.write(
        "swallowed.py",
        without_route(
            "swallowed",
            "try:\n    from no_such_package import routes\nexcept ImportError:\n    pass\n"
            "BLP.before_app_request(lambda: None)\n",
        ),
    )
    good.write("forgotten.py", without_route("forgotten"))
    app = good.app()
    failure = failures(app)["swallowed@v1-0-0"]
    assert "Its blueprint has no routes" in failure.error
    assert "the error that 'no_such_package' cannot be imported" in failure.error
    assert "often a missing dependency" in failures(app)["forgotten@v1-0-0"].error
    listed = [
        entry["name"] for entry in app.test_client().get("/plugins/").json["plugins"]
    ]
    assert "swallowed" in listed
    assert_good_ones_work(app)


def test_blueprint_with_nested_routes_only_is_not_empty(good):
    good.write(
        "nesting.py",
        without_route(
            "nesting",
            "CHILD = SecurityBlueprint('child', __name__)\n"
            "CHILD.add_url_rule('/child/', 'show', lambda: {'child': True})\n"
            "BLP.register_blueprint(CHILD)\n",
        ),
    )
    app = good.app()
    assert registry(app).failures == []
    assert app.test_client().get("/plugins/nesting@v1-0-0/child/").json == {"child": True}


UNDOCUMENTABLE = {
    "manual": "@BLP.doc(responses={'200': object()})\n",
    "exits": "@BLP.response(200, Exits())\n",
    "unknown": "@BLP.response(200, Unknown())\n",
}

SCHEMAS = """
import marshmallow as ma
from qhana_plugin_runner.api.plugin_schemas import PluginMetadataSchema

def leave():
    raise SystemExit

class Exits(ma.Schema):
    value = ma.fields.Nested(leave)

class Unknown(ma.Schema):
    value = ma.fields.Nested("NoSuchSchema")

@BLP.route("/view/")
"""

VIEW = "@BLP.response(201, PluginMetadataSchema())\ndef view(*args):\n    return {}\n"


@pytest.mark.parametrize("case", UNDOCUMENTABLE)
def test_blueprint_that_cannot_be_documented_is_served_but_left_out(good, case):
    # Its name comes first, so that it is the first to use schemas that others share.
    odd = SCHEMAS + UNDOCUMENTABLE[case] + VIEW
    good.write("aa_odd.py", plugin_source("aa-odd", more=odd))
    good.write("sharing.py", plugin_source("sharing", more=SCHEMAS + VIEW))
    app = good.app()
    assert registry(app).failures == []

    assert_good_ones_work(app)
    (failure,) = registry(app).failures
    assert failure.source.startswith("aa-odd@v1-0-0 (")
    assert failure.source.endswith("aa_odd.py)")
    assert failure.stage == "documentation"
    assert ("end the process" if case == "exits" else "is served") in failure.advice
    client = app.test_client()
    assert client.get("/plugins/aa-odd@v1-0-0/").status_code == 200
    document = client.get("/api-spec.json").json
    assert not [path for path in document["paths"] if "aa-odd" in path]
    assert "aa-odd@v1-0-0" not in [tag["name"] for tag in document["tags"]]
    assert "PluginMetadata" in document["components"]["schemas"]
    assert dangling_references(document) == []
    assert len(registry(app).failures) == 1


def test_blueprint_not_named_after_its_plugin_may_be_undocumentable_too(good):
    more = SCHEMAS + UNDOCUMENTABLE["unknown"] + VIEW
    source = plugin_source("odd", more=more)
    good.write(
        "odd.py", source.replace("    IDENTIFIER, __name", "    'other@1', __name")
    )
    app = good.app()
    assert_good_ones_work(app)
    assert registry(app).failures[0].source.startswith("odd@v1-0-0 (")


def test_each_failure_is_logged_once_per_app_with_cause_and_advice(good, caplog):
    file = good.write("broken.py", "import no_such_package\n")
    apps = []
    for _ in range(2):
        with caplog.at_level(logging.ERROR, "qhana_plugin_runner.plugins.loading"):
            caplog.clear()
            apps.append(good.app())
        (record,) = [r for r in caplog.records if r.levelname == "ERROR"]
        text = record.getMessage()
        assert f"plugin {file} failed (import): ModuleNotFoundError" in text
        assert f'"{file}", line 1' in text
        assert "Install the package that provides 'no_such_package'" in text
    first, second = apps
    assert registry(first).failures == registry(second).failures


def test_module_that_failed_is_not_tried_again_in_this_process(good):
    marks = good.root / "marks"
    source = f"with open({str(marks)!r}, 'a') as file:\n    file.write('x')\n1 / 0\n"
    good.write("once.py", source)
    good.app()
    good.app()
    assert marks.read_text() == "x"


FINALIZE = """
import json, sys
from qhana_plugin_runner import create_app
from qhana_plugin_runner.celery import CELERY

app = create_app({"PLUGIN_FOLDERS": [sys.argv[1]], "TESTING": True})
CELERY.finalize()
print(json.dumps({
    "tasks": sorted(name for name in CELERY.tasks if name.startswith(("aa", "good", "zz"))),
    "runner": "qhana-plugin-runner.save-result" in CELERY.tasks,
    "failed": [failure.source for failure in app.extensions["qhana_plugins"].failures],
    "finalized": sys.modules["good"].FINALIZED,
}))
"""

TASKS = """
    from qhana_plugin_runner.celery import CELERY

    FINALIZED = []

    @CELERY.task(name=f"{Plugin.name}.work", bind=True)
    def work(self, db_id):
        return ""

    @CELERY.on_after_finalize.connect
    def note(sender, **kwargs):
        FINALIZED.append(Plugin.name)
"""


def test_task_that_celery_refuses_stops_neither_celery_nor_other_tasks(plugins):
    bad = """
    @CELERY.task(name="aa.bad", base=5)
    def bad():
        pass
    """
    plugins.write("aa.py", plugin_source("aa", more=TASKS + bad))
    for name in ("good", "zz"):
        plugins.write(f"{name}.py", plugin_source(name, more=TASKS))
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", FINALIZE, str(plugins.folder)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    seen = json.loads(result.stdout)
    assert {"good.work", "zz.work"} <= set(seen["tasks"])
    assert seen["runner"]
    assert seen["failed"] == [str(plugins.folder / "aa.py")]
    assert seen["finalized"] == ["good"]
