"""Temporary files of messages: kept while they run and when they end, gone when they are killed."""

import os
import subprocess
import sys
import tempfile
import threading
from contextvars import copy_context
from pathlib import Path

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


def test_threads_of_a_task_share_its_folder(place, monkeypatch):
    """The second one asks while the first one still makes it."""
    asked, folders = threading.Event(), []
    make = Path.mkdir

    def mkdir(path, *args, **kwargs):
        if not asked.is_set():
            asked.set()
            second.start()
            second.join(0.2)
        make(path, *args, **kwargs)

    monkeypatch.setattr(temp_files, "_place", None)  # as in the pool of threads
    with own_folder("one"):
        context = copy_context()
        second = threading.Thread(
            target=lambda: folders.append(context.run(working_folder)), daemon=True
        )
        monkeypatch.setattr(Path, "mkdir", mkdir)
        folders.append(working_folder())
        second.join(30)
        assert len(folders) == 2 and folders[0] == folders[1]
    assert contents(place) == []


@pytest.fixture
def plain_user():
    """A folder for temporary files of somebody who may not write everywhere, as root may."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        if os.geteuid():
            yield Path(name)
            return
        nobody = 65_534
        os.chown(name, nobody, nobody)
        os.seteuid(nobody)
        try:
            yield Path(name)
        finally:
            os.seteuid(0)


def test_folders_that_nobody_may_write_to_are_removed(plain_user, place, monkeypatch):
    monkeypatch.setattr(temp_files, "_place", plain_user)
    outside = plain_user / "outside"
    outside.mkdir(mode=0o500)
    with own_folder("one"):
        inner = working_folder() / "a/b"
        inner.mkdir(parents=True)
        inner.joinpath("link").symlink_to(outside)
        inner.joinpath("file").touch()
        inner.chmod(0o500)
        inner.parent.chmod(0)
    assert contents(plain_user) == ["outside"]
    assert outside.stat().st_mode & 0o777 == 0o500
