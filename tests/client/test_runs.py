"""Running plugins: the client against a runner and a worker."""

import io
import subprocess
import sys
import tempfile
from datetime import date
from enum import Enum
from pathlib import Path

import numpy
import pandas
import pytest
from helpers.markdown import blocks

from qhana_plugin_runner.client import (
    ClientError,
    InvalidInputs,
    Output,
    Outputs,
    Refused,
    Runner,
    StepOpen,
    TaskFailed,
)
from qhana_plugin_runner.client.outputs import _MISSING
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.virtual_plugins import VirtualPlugin

PENGUINS = Path("examples/penguins.csv")


def echo(runner, *inputs, **more):
    """Run the echo and return what it got."""
    return runner.run("echoes", *inputs, **more)["echo"].json()


def test_only_requests_is_needed():
    program = (
        "import sys, qhana_plugin_runner.client\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    command = [sys.executable, "-c", program]
    loaded = set(subprocess.run(command, capture_output=True, text=True).stdout.split())
    assert "requests" in loaded
    heavy = "flask celery sqlalchemy kombu marshmallow werkzeug click tqdm pandas numpy"
    assert not loaded & set(heavy.split())


def test_plugins_are_listed(runner, url):
    plugins = {plugin.identifier: plugin for plugin in runner.plugins()}
    hello = plugins["hello-world@v1-0-0"]
    assert (hello.name, hello.version) == ("hello-world", "v1.0.0")
    assert hello.url == f"{url}/plugins/hello-world@v1-0-0/"
    assert "hello-world" in hello.tags and hello.title == "Hello World"
    assert repr(hello) == "<Plugin hello-world@v1-0-0>"


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("echoes", "v0.10.0"),
        ("echoes@v0.9.0", "v0.9.0"),
        ("echoes@v0-9-0", "v0.9.0"),
        ("URL/plugins/echoes@v0-9-0/", "v0.9.0"),
        ("URL/plugins/echoes/", "v0.10.0"),
    ],
)
def test_plugins_are_found(runner, url, name, version):
    plugin = runner.plugin(name.replace("URL", url))
    assert (plugin.name, plugin.version) == ("echoes", version)
    assert runner.run(plugin, text="found")["echo"].json()["text"] == "found"


def test_virtual_plugins_are_found(runner, app, url):
    href = f"{url}/plugins/echoes@v0-9-0/"
    with app.app_context():
        for version in ("v1", "v2"):
            plugin = VirtualPlugin("echoes", "echoed", version, "", "", href)
            DB.session.add(plugin)
        DB.session.commit()
    for name in ("echoed", "echoed@v1"):
        assert runner.plugin(name).url == href
        assert runner.run(name, text="a")["echo"].json()["text"] == "a"


def test_an_unknown_plugin_is_named_with_those_there_are(runner):
    with pytest.raises(ClientError, match="no plugin 'helo'.*hello-world"):
        runner.plugin("helo")


def test_what_is_no_plugin_is_named(runner, url):
    with pytest.raises(ClientError, match="not the metadata of a plugin"):
        runner.submit(f"{url}/plugins/")


def test_values_arrive_as_they_are(runner):
    class Color(Enum):
        GREEN = 1

    values = {
        "text": "Ωmega & ünicode\n",
        "count": numpy.int64(7),
        "share": 0.1,
        "flag": False,
        "day": date(2026, 11, 29),
        "color": Color.GREEN,
        "weights": numpy.array([1.5, 2]),
        "pluginUrl": runner.plugin("hello-world"),
    }
    got = echo(runner, values)
    assert got.pop("pluginUrl") == runner.plugin("hello-world").url
    assert got == {
        "text": "Ωmega & ünicode\n",
        "count": 7,
        "share": 0.1,
        "flag": False,
        "day": "2026-11-29",
        "color": "GREEN",
        "weights": [1.5, 2.0],
        "fail": False,
        "idle": False,
    }
    assert echo(runner, text="")["text"] == ""
    assert echo(runner, weights=[])["weights"] == []
    assert echo(runner, color="")["color"] is None


def test_none_leaves_a_field_to_its_default(runner):
    assert echo(runner, text=None, share=None)["text"] == "nothing"


def test_none_is_null_where_the_default_is_another_value(runner):
    assert echo(runner)["count"] == 3
    assert echo(runner, count=None)["count"] is None


def test_what_the_schema_knows_is_checked_before_anything_is_uploaded(runner):
    class Color(Enum):
        RED = "x"
        BLUE = "y"

    before = runner.submit("echoes").wait(60).id
    with pytest.raises(InvalidInputs) as caught:
        runner.submit("echoes", fileUrl=PENGUINS, txt="a", share=2, color=Color.BLUE)
    assert caught.value.errors == {
        "txt": ["There is no such input. Did you mean text?"],
        "share": ["Must be at most 1.0."],
        "color": ["Must be one of: RED, GREEN."],
    }
    with pytest.raises(InvalidInputs, match="inputStr: Required."):
        runner.submit("hello-world")
    assert runner.submit("echoes").wait(60).id == before + 1


def test_a_list_of_a_field_with_commas_is_one_text(runner):
    assert echo(runner, names=["a", "b"])["names"] == "a,b"


def test_the_form_takes_files_itself(runner, tmp_path):
    got = echo(runner, text="x", file=PENGUINS)
    assert got["file"] == PENGUINS.read_text()
    assert (got["filename"], got["text"]) == ("penguins.csv", "x")
    with pytest.warns(UserWarning, match="names no input 'b1' and may ignore it"):
        echo(runner, b1="a")
    with pytest.raises(
        InvalidInputs, match="b1: There is no such input. There are: .*file"
    ):
        runner.submit("echoes", b1=PENGUINS)
    with pytest.raises(InvalidInputs, match="Did you mean fileUrl?"):
        runner.submit("echoes", fileUrll=PENGUINS)
    outputs = runner.run("file-upload", file=PENGUINS, dataType="entity/numeric")
    assert outputs["penguins"].data_type == "entity/numeric"


def test_names_of_inputs_may_be_those_of_arguments(runner):
    assert echo(runner, {"text": "a"}, text="b")["text"] == "b"
    with pytest.warns(UserWarning, match="no input '(plugin|self)'"):
        runner.submit("hello-world", inputStr="a", plugin="x", self="y")


def test_a_path_is_uploaded_for_a_data_input(runner):
    got = echo(runner, fileUrl=PENGUINS)
    assert got["content"] == PENGUINS.read_text()
    assert got["type"].partition(";")[0] == "text/csv"


@pytest.mark.parametrize(
    "make",
    [
        lambda text, tmp: io.BytesIO(text.encode()),
        lambda text, tmp: io.StringIO(text),
        lambda text, tmp: (tmp / "a.csv").open("rb"),
        lambda text, tmp: (tmp / "a.csv").open(encoding="utf-8"),
    ],
)
def test_open_files_are_uploaded_from_their_beginning(runner, tmp_path, make):
    text = "ID,a\n1,ä\n"
    (tmp_path / "a.csv").write_text(text, "utf-8")
    with make(text, tmp_path) as file:
        file.read()
        got = echo(runner, fileUrl=file)
    assert got["content"] == text
    assert got["type"].partition(";")[0] == "text/csv"


@pytest.mark.parametrize("make", [open, tempfile.NamedTemporaryFile])
def test_an_open_file_is_uploaded_with_what_was_just_written(
    runner, tmp_path, monkeypatch, make
):
    monkeypatch.chdir(tmp_path)
    arguments = ("a.csv", "w+") if make is open else ("w+",)
    with make(*arguments, encoding="utf-8") as file:
        file.write("ID,a\n1,ä\n")
        assert runner.upload(file).text == "ID,a\n1,ä\n"
        file.write("2,b\n")
        assert runner.upload(file).text == "ID,a\n1,ä\n2,b\n"


def test_a_text_is_never_uploaded(runner):
    with pytest.raises(InvalidInputs) as caught:
        runner.submit("echoes", fileUrl=str(PENGUINS))
    assert list(caught.value.errors) == ["fileUrl"]
    assert echo(runner, text=str(PENGUINS))["text"] == str(PENGUINS)


def test_a_path_for_a_text_is_refused(runner):
    with pytest.raises(InvalidInputs, match="text: It takes no file"):
        runner.submit("echoes", text=PENGUINS)


@pytest.mark.parametrize("value", [b"x", object(), pandas.DataFrame(), [b"x"]])
def test_what_no_form_can_send_is_refused(runner, value):
    with pytest.raises(InvalidInputs, match="text: A .* cannot be sent"):
        runner.submit("echoes", text=value)


def test_the_runner_names_fields_that_are_wrong(runner):
    with pytest.raises(InvalidInputs) as caught:
        runner.submit("echoes", share="2", count="many", weights=[1, "x"])
    assert set(caught.value.errors) == {"share", "count", "weights"}
    assert caught.value.errors["weights"][0].startswith("[1] ")
    assert "share: Must be" in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_outputs_are_tables(runner):
    outputs = runner.run("entity-statistics", entitiesUrl=PENGUINS)
    table = outputs["penguins-statistics"].to_pandas().set_index("ID")
    assert table.loc["body_mass_g", "mean"] == pytest.approx(4201.754386)
    assert outputs[1].content_type.startswith("text/html")
    again = runner.upload(PENGUINS, "entity/list")
    rows = again.to_pandas()
    assert len(rows) == 344 and rows["ID"].tolist()[0] == "penguin-001"
    got = echo(runner, fileUrl=again)
    assert got["fileUrl"] == again.href
    with pytest.raises(ClientError, match="is no table"):
        outputs[1].to_pandas()
    with pytest.raises(KeyError, match="penguins-statistics.json"):
        outputs["clusters"]
    assert "penguins-statistics" in outputs and outputs[0].name in outputs
    assert outputs[1] in outputs and "clusters" not in outputs and again not in outputs


def test_outputs_are_saved(runner, tmp_path):
    outputs = runner.run("hello-world", inputStr="Ωmega")
    assert outputs[0].text == "Hello Ωmega!"
    (path,) = outputs.save(tmp_path / "new")
    assert path == tmp_path / "new" / outputs[0].name
    assert path.read_text("utf-8") == "Hello Ωmega!"
    assert outputs[0].save(tmp_path / "other.txt").read_bytes() == path.read_bytes()
    assert outputs[:1].names == [outputs[0].name] and len(outputs) == 1


def test_lines_of_json_end_at_line_breaks_only(runner):
    text = '{"a": "1\u2028\x85"}\r\n\n{"a": 2}\r'
    lines = runner.upload(io.BytesIO(text.encode()), "*", "application/json-lines")
    assert lines.json() == [{"a": "1\u2028\x85"}, {"a": 2}]
    assert lines.to_pandas()["a"].tolist() == ["1\u2028\x85", 2]


def test_identifiers_in_csv_stay_texts(runner):
    text = "ID,href,x\n001,null,1\nNA,,NA\n"
    output = runner.upload(io.BytesIO(text.encode()), "entity/list", "text/csv")
    table = output.to_pandas()
    assert table["ID"].tolist() == ["001", "NA"]
    assert table["href"].tolist() == ["null", ""]
    assert table["x"].isna().tolist() == [False, True]
    assert output.to_pandas(index_col="ID").index.tolist() == ["001", "NA"]
    (chunk,) = output.to_pandas(chunksize=5)
    assert chunk.equals(table)
    assert output.to_pandas(na_values=["1"])["ID"].isna().tolist() == [False, True]


def test_missing_values_in_csv_are_those_of_pandas(runner):
    from pandas._libs.parsers import STR_NA_VALUES

    assert set(_MISSING) == STR_NA_VALUES


def test_a_file_is_replaced_by_a_complete_download_only(runner, tmp_path):
    keep, link = tmp_path / "keep.csv", tmp_path / "link.csv"
    keep.write_text("old")
    keep.chmod(0o640)
    link.symlink_to(keep)
    output = runner.upload(PENGUINS)
    gone = Output(runner._connection, {"href": f"{runner.url}files/none/a.csv"})
    for path in (keep, link):
        with pytest.raises(Refused):
            gone.save(path)
        assert keep.read_text() == "old"
        assert output.save(path) == path
        assert keep.read_bytes() == PENGUINS.read_bytes()
        keep.write_text("old")
    assert link.is_symlink() and keep.stat().st_mode & 0o777 == 0o640
    with pytest.raises(ClientError, match="not a file that can be replaced"):
        output.save("/dev/null")
    assert sorted(tmp_path.iterdir()) == [keep, link]


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("ü" * 200 + ".csv", "ü" * 125 + ".csv"),
        ("a" * 300, "a" * 255),
        ("a." + "b" * 300, "a." + "b" * 63),
        ("../" + "a" * 251 + ".csv", "a" * 251 + ".csv"),
    ],
)
def test_names_are_cut_to_what_file_systems_hold(runner, tmp_path, name, cut):
    kept = runner.upload(io.BytesIO(b"a"))
    output = Output(runner._connection, {"href": kept.href, "name": name})
    names = {path.name for path in Outputs([output, output]).save(tmp_path)}
    assert cut in names and len(names) == 2
    assert all(len(each.encode()) <= 255 for each in names)


def test_a_failure_carries_the_last_line_of_the_log(runner):
    task = runner.submit("echoes", fail=True)
    with pytest.raises(TaskFailed, match="ValueError: it was told to fail") as caught:
        task.wait(60)
    assert caught.value.task is task
    assert task.status == "FAILURE" and "Traceback" in task.log
    assert repr(task) == f"<Task {task.id} echoes FAILURE>"


def test_a_step_is_answered(runner):
    task = runner.submit("hello-world-multi-step", inputStr="Ada").wait(60)
    (step,) = task.steps
    assert (step.id, step.is_open, task.status) == ("reply", True, "PENDING")
    assert task.progress.value == 50
    with pytest.raises(StepOpen, match="'reply'"):
        task.results()
    with pytest.raises(InvalidInputs) as caught:
        task.answer("reply", inputStr="")
    assert list(caught.value.errors) == ["inputStr"]
    with pytest.raises(ValueError, match="no open step 'repyl'.*'reply'"):
        task.answer("repyl", inputStr="Hi")
    task.answer("reply", inputStr="Hi")
    assert task.wait(60).outputs["reply"].text == "Hi"
    assert not task.steps[0].is_open
    with pytest.raises(ValueError, match="no open step"):
        task.answer(step, inputStr="Hi")


def test_a_plugin_in_the_short_form_is_used_like_any_other(runner):
    task = runner.submit("extract-column", entities=PENGUINS).wait(60)
    (step,) = task.steps
    with pytest.raises(InvalidInputs, match="column"):
        task.answer(step, column="penguin")
    with pytest.raises(InvalidInputs, match="column: Required."):
        task.answer(step, unique=True)
    task.answer(step, column="species", unique=True)
    assert task.wait(60).outputs["column"].text == "Adelie\nGentoo\nChinstrap"


def test_run_does_not_wait_for_a_person(runner):
    with pytest.raises(StepOpen, match="'reply'") as caught:
        runner.run("hello-world-multi-step", inputStr="Ada")
    caught.value.task.cancel()


def test_a_task_is_found_again(runner, url):
    task = runner.submit("hello-world", inputStr="a").wait(60)
    for name in (task.id, str(task.id), task.url):
        found = runner.task(name)
        assert (found.url, found.log) == (task.url, "Hello a!")
    assert task.url == f"{url}/tasks/{task.id}/"
    with pytest.raises(Refused, match="404"):
        runner.task(10**6)


def test_the_token_is_needed(url):
    with Runner(url) as runner:
        assert runner.plugins()
        with pytest.raises(Refused) as caught:
            runner.submit("hello-world", inputStr="a")
    assert caught.value.status == 401


def test_the_examples_of_the_documentation_run(url, token, tmp_path, monkeypatch, capsys):
    (tmp_path / "examples").symlink_to(PENGUINS.parent.resolve())
    monkeypatch.chdir(tmp_path)
    names = {}
    for block in blocks("how-to/use-from-python.md", "client"):
        code = block.text.replace('"http://127.0.0.1:5005"', f"{url!r}, {token!r}")
        exec(code, names)
    assert names["table"]["ID"].tolist()[0] == "ID"
    assert [path.read_text() for path in (tmp_path / "results").iterdir()] == [
        "Hello Ada!"
    ]
    assert capsys.readouterr().out.startswith("Hello Ada!\n")
    assert names["task"].outputs["reply"].text == "Hello yourself!"
    names["runner"].close()
