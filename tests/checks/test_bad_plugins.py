"""Each finding is made once by a plugin that deserves it, and never by one that does not."""

from pathlib import Path

import pytest
from helpers.product import CHECKOUT

from qhana_plugin_runner.checks.findings import FINDINGS
from qhana_plugin_runner.checks.process import check_plugins, plugin_files

GOOD = Path(__file__).with_name("good.py").read_text("utf-8")

CONNECT = 'import socket\nsocket.create_connection(("127.0.0.1", 9))\n'
COMPUTE = "import sys, time\nwhile sys.argv[0] == 'gunicorn' and time.process_time() < 3.3:\n    pass\n"
FAIL = "    def init_app(self, app):\n        1 / 0\n\n"
MORE = """

if sys.argv[0] == "celery":

    @CELERY.task(name=f"{ID}.more")
    def more():
        pass
"""
STRICT = """class Strict(Form):
    lines = ma.fields.Integer(validate=ma.validate.Range(5, 9))


"""
PLAIN_FORM = """    return '''<!doctype html><html lang="en"><title>Good</title><form action="" method="post">
        <label for="a">Entities</label>
        <input id="a" name="entitiesUrl" value="%s" required data-input-type="data">
        <input name="lines" value="3">
        <button formaction="../process/">submit</button></form>
        <p>%s</p>''' % (
        request.values.get("entitiesUrl", ""),
        Form().validate(request.form) if request.form else "",
    )


def unused():
"""
OTHER = """


@CELERY.task(name=f"{ID}.count", bind=True)
def other(self, db_id):
    return ""
"""
UNKNOWN = 'CELERY.signature(f"{ID}.cuont", kwargs={"db_id": task.id}) |'

# What to change to get the finding (old text, new text, ...), and how its place ends.
BAD = {
    "import-fails": (["NAME, VERSION = ", "NAME VERSION = "], ".py:19"),
    "packages-missing": (
        [
            "    version = VERSION\n",
            "    version = VERSION\n    requirements = ['x-y>=1']\n",
        ],
        ".py",
    ),
    "import-connects": (["NAME, VERSION = ", f"{CONNECT}NAME, VERSION = "], ".py:20"),
    "import-slow": (["NAME, VERSION = ", f"{COMPUTE}NAME, VERSION = "], ".py"),
    "no-plugin": (["class Good(QHAnaPluginBase)", "class Good"], ".py"),
    "class-nameless": (["    version = VERSION\n", ""], ".py"),
    "set-up-fails": (["    def get_api_", f"{FAIL}    def get_api_"], ".py:30"),
    "no-blueprint": (
        [
            "    name = NAME",
            "    has_api = True\n    name = NAME",
            "def get_api_",
            "def api_",
        ],
        ".py",
    ),
    "not-served": (["        return BLP", "        return None"], ".py"),
    "undocumented": (
        ["@BLP.response(303)", "@BLP.response(303)\n@BLP.doc(responses=5)"],
        ".py",
    ),
    "requirements-unreadable": (['"numpy>=2"', '"-r requirements.txt"'], ".py"),
    "processes-differ": (
        ["import marsh", "import sys\nimport marsh", ' lines"\n', f' lines"\n{MORE}'],
        ".py",
    ),
    "metadata-fails": (['url_for(f"{ID}.form"),', 'url_for(f"{ID}.from"),'], ".py:48"),
    "metadata-incomplete": (['PluginMetadata("Good"', 'PluginMetadata(""'], "@v1-0-0/"),
    "metadata-differs": (["NAME, VERSION, kind", 'NAME, "v1.0.1", kind'], "@v1-0-0/"),
    "link-dead": (
        ['href=url_for(f"{ID}.process"),\n        ui', 'href="go/",\n        ui'],
        "",
    ),
    "input-without-field": (['True, "entitiesUrl"', 'True, "entities_url"'], "/"),
    "input-undeclared": (["data_input=[", "data_input=[][:0] and ["], "@v1-0-0/"),
    "input-differs": (
        ['Metadata("entity/list"', 'Metadata("entity/numeric"'],
        "@v1-0-0/",
    ),
    "form-fails": (["schema=Form(),", 'schema=Form(), a=request.args["a"],'], "/ui/"),
    "form-unfilled": (["request.values", "request.form"], "/ui/"),
    "form-unchecked": ([', methods=["GET", "POST"])', ")"], "/ui/"),
    "form-hides-errors": (
        ["Form().validate(request.form) if request.form else {}", "{}"],
        "/ui/",
    ),
    "form-lacks-field": (
        ["schema=Form(),", 'schema=Form(exclude=["entities_url"]),'],
        "/ui/",
    ),
    "form-leads-away": (['process=url_for(f"{ID}.process")', 'process="../go/"'], "/ui/"),
    "form-inaccessible": (
        ["def form():\n", f"def form():\n{PLAIN_FORM}"],
        "/ui/",
    ),
    "process-fails": (["    chain = ", "    1 / 0\n    chain = "], ".py:75"),
    "process-refuses": (
        [
            "arguments(Form(",
            "arguments(Strict(",
            '@BLP.route("/")',
            f'{STRICT}@BLP.route("/")',
        ],
        "/process/",
    ),
    "process-takes-anything": (
        [
            '@BLP.arguments(Form(unknown=ma.EXCLUDE), location="form")\n',
            "",
            "def process(arguments):",
            'def process(arguments={"entities_url": ""}):',
        ],
        "/process/",
    ),
    "process-without-task": (
        ["    return redirect(", "    return str(303) or redirect("],
        "/process/",
    ),
    "task-name-foreign": (['name=f"{ID}.count"', 'name="count"'], ".py:81"),
    "task-name-twice": (
        ['    return f"{lines} lines"', f'    return f"{{lines}} lines"{OTHER}'],
        ".py:94",
    ),
    "task-unknown": (["count.s(db_id=task.id) |", UNKNOWN], ".py"),
    "task-never-ends": ([" | save_task_result.s(db_id=task.id)", ""], "/tasks/1/"),
    "cancel-swallowed": (
        ["    except Exception:\n        raise", "    except:\n        lines = 0"],
        ".py:86",
    ),
    "form-fails-axe": (
        [
            "    return render_template(",
            "    return '<button></button>' + render_template(",
        ],
        "/ui/",
    ),
    "output-undeclared": (
        ['"custom/count", "application/json"\n', '"custom/sum", "application/json"\n'],
        ".py",
    ),
    "output-missing": (["    STORE.persist", "    lines or STORE.persist"], ".py"),
    "output-malformed": (['f"{lines}", "count.json"', '"{", "count.json"'], ".py"),
}


def changed(edits):
    source = GOOD
    for old, new in zip(edits[::2], edits[1::2]):
        assert source.count(old) == 1, f"{source.count(old)} of {old}"
        source = source.replace(old, new)
    return source


OURS = plugin_files([CHECKOUT / "plugins"])


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    """The findings of all bad plugins, of the good one, and of ours by their files."""
    folder = tmp_path_factory.mktemp("bad")
    for code, (edits, _) in BAD.items():
        (folder / f"{code.replace('-', '_')}.py").write_text(changed(edits))
    (folder / "good.py").write_text(GOOD)
    found = check_plugins([*plugin_files([folder]), *OURS])
    ours = {str(file): found.pop(str(file)) for file in OURS}
    return ours | {Path(f).stem.replace("_", "-"): each for f, each in found.items()}


def test_there_is_a_bad_plugin_for_each_finding():
    assert {*BAD, "stuck"} == set(FINDINGS)


@pytest.mark.parametrize("code", BAD)
def test_a_bad_plugin_gives_its_finding_once(findings, code):
    found = findings[code]
    assert [each.code for each in found] == [code], "\n".join(map(str, found))
    (finding,) = found
    assert finding.place.endswith(BAD[code][1])
    assert finding.text.endswith((".", "?")) and finding.cure.endswith(".")


def test_a_good_plugin_gives_none(findings):
    assert findings["good"] == []


def test_our_plugins_give_none(findings):
    assert len(OURS) > 20
    assert [each for file in OURS for each in findings[str(file)]] == []
