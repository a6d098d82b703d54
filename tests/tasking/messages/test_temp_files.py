"""Temporary files of messages: kept while they run and when they end, gone when they are killed."""

import os
import subprocess
import sys
import tempfile

import pytest

from qhana_plugin_runner.tasking import temp_files
from qhana_plugin_runner.tasking.temp_files import (
    own_folder,
    remove_abandoned,
    remove_folder,
    use_folders,
    working_folder,
)

KILLED = """
import os, tempfile
from qhana_plugin_runner.tasking.temp_files import own_folder, use_folders

use_folders()
with own_folder("killed"):
    print(tempfile.mkdtemp(), flush=True)
    os.kill(os.getpid(), 9)
"""


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """The folder for all temporary files."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(temp_files, "_place", None)
    monkeypatch.setattr(temp_files, "_changes_directory", False)
    use_folders()
    return tmp_path


def contents(place):
    return sorted(path.name for path in place.iterdir())


def test_files_of_a_message_that_ends_by_itself_are_kept(place):
    with own_folder("one"):
        path = tempfile.mkdtemp()
    with own_folder("empty"):
        pass
    remove_abandoned()
    assert contents(place) == ["qhana-message-one"]
    assert path.startswith(str(place / "qhana-message-one"))
    assert tempfile.gettempdir() == str(place)


@pytest.mark.parametrize("remove", [lambda: remove_folder("killed"), remove_abandoned])
def test_files_of_a_message_that_is_killed_can_be_removed(place, remove):
    with own_folder("ended"):
        tempfile.mkdtemp()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED], capture_output=True, text=True, check=False
    )
    assert killed.returncode == -9 and killed.stdout.startswith(str(place))
    assert "qhana-message-killed" in contents(place)
    remove()
    assert contents(place) == ["qhana-message-ended"]


def test_files_of_a_message_that_runs_are_not_removed(place):
    with own_folder("running"):
        path = tempfile.mkstemp()[1]
        tempfile.tempdir = None  # as in a worker that starts
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TMPDIR", str(place))
            remove_abandoned()
        with open(path, encoding="ascii") as file:
            assert file.read() == ""


def test_directory_of_the_process_is_the_same_again_after_each_message(
    place, monkeypatch
):
    monkeypatch.chdir("/")
    monkeypatch.setattr(sys, "path", ["", "usr", *sys.path])
    use_folders(change_directory=True)
    assert sys.path[:2] == ["/", "/usr"]
    with pytest.raises(ZeroDivisionError), own_folder("one"):
        assert os.getcwd() == str(working_folder()) == f"{place}/qhana-message-one/work"
        with open("file", "w", encoding="ascii"):
            pass
        with own_folder(None):  # a task that is called by this one
            assert working_folder().joinpath("file").exists()
        os.chdir("/usr")
        1 / 0  # noqa: B018
    assert os.getcwd() == "/" and contents(place) == []


def test_tasks_go_on_when_the_folder_of_the_worker_is_replaced(tmp_path, monkeypatch):
    """As by a deployment that moves the new version to the place of the old one."""
    folder = tmp_path / "old"
    folder.mkdir()
    monkeypatch.chdir(folder)
    use_folders(change_directory=True)
    with own_folder("one"):
        folder.rmdir()
    with own_folder("two"):
        assert os.getcwd() == str(working_folder())
    assert os.getcwd() == "/"


def test_temporary_files_outlive_the_working_folder(place):
    use_folders(change_directory=True)
    with own_folder("one"):
        path = tempfile.mkstemp()[1]
        work = working_folder()
        work.rmdir()
    assert os.path.exists(path) and not work.exists()
