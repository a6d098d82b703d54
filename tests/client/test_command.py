"""``qhana-plugin-runner call``."""

import json
import os
import signal
import threading

import pytest
from helpers.processes import wait_until
from helpers.product import CHECKOUT

from qhana_plugin_runner.__main__ import main

PENGUINS = str(CHECKOUT / "examples" / "penguins.csv")


@pytest.fixture
def call(url, token, capsys, monkeypatch):
    """Call the command; return its exit status, output, and messages."""
    monkeypatch.setenv("QHANA_URL", url)
    monkeypatch.setenv("QHANA_TOKEN", token)

    def call(*arguments):
        status = main(["call", *arguments])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return call


def test_outputs_are_saved_in_a_folder(call, tmp_path):
    folder = tmp_path / "new"
    inputs = ["entity-statistics", f"entitiesUrl=@{PENGUINS}", "-o", str(folder)]
    status, out, err = call(*inputs)
    assert status == 0, err
    names = ["penguins-statistics.json", "penguins-report.html"]
    assert out.splitlines() == [str(folder / name) for name in names]
    assert all((folder / name).read_bytes() for name in names)
    assert "/tasks/" in err and "Described 9 columns." in err


def test_outputs_are_named_by_their_urls(call, runner):
    status, out, _err = call("hello-world", "inputStr=a=b")
    href, *facts = out.strip().split("\t")
    assert status == 0 and href.startswith(f"{runner.url}files/")
    assert facts == ["hello.txt", "custom/hello-world-output", "text/plain"]


@pytest.mark.parametrize(
    ("inputs", "key", "value"),
    [
        (["weights=1", "weights=2.5"], "weights", [1.0, 2.5]),
        (["text=@@home"], "text", "@home"),
        (["text="], "text", ""),
        (["flag=true"], "flag", True),
        ([f"file=@{PENGUINS}"], "filename", "penguins.csv"),
    ],
)
def test_inputs_are_read(call, tmp_path, inputs, key, value):
    status, _out, err = call("echoes", *inputs, "--output", str(tmp_path))
    assert status == 0, err
    assert json.loads((tmp_path / "echo.json").read_text())[key] == value


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["hello-world"], 2, "inputStr: Required."),
        (["hello-world", "inputSt=a"], 2, "Did you mean inputStr?"),
        (["hello-world", "inputStr"], 2, "'inputStr' is not KEY=VALUE"),
        (["echoes", "fileUrl=@no.csv"], 2, "no file 'no.csv'"),
        (["echoes", "count=many"], 2, "count: Not a valid integer."),
        (["echoes", "--url", "localhost"], 2, "--url"),
        (["helo"], 1, "no plugin 'helo'"),
        (["echoes", "fail=true"], 1, "ValueError: it was told to fail"),
        (["hello-world-multi-step", "inputStr=a"], 1, "/reply-ui/"),
        (["echoes", "--token", "wrong"], 1, "401"),
        ([], 2, "NAME"),
    ],
)
def test_what_goes_wrong_is_told_by_message_and_status(call, arguments, status, message):
    got, out, err = call(*arguments)
    assert (got, out) == (status, "")
    assert message in err.rpartition("error: ")[2]


def test_the_token_is_not_shown(call, token):
    for arguments in (["--help"], ["echoes", "count=many"]):
        assert token not in "".join(map(str, call(*arguments)))


def test_an_interrupt_cancels_the_task(call, app, runner):
    changes = app.extensions["qhana_task_changes"]

    def interrupt():
        wait_until(lambda: changes.waiting, 60, "the command waits")
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    status, _out, err = call("echoes", "idle=true")
    thread.join()
    assert status == 130 and "canceled" in err
    url = err.partition("task ")[2].partition("\n")[0]
    assert runner.task(url).state == "cancelled"


def test_waiting_has_an_end(call):
    status, _out, err = call("echoes", "idle=true", "--timeout", "0.01")
    assert status == 1 and "has not ended within 0.01 s" in err
