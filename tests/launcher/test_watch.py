"""A command that is started anew when source files change."""

import asyncio
import sys
import time

import pytest
from helpers.processes import wait_until
from watchfiles import Change

from qhana_plugin_runner.launcher.watch import _options, changes, is_source, run_and_watch


def test_the_command_runs_once_without_changes_and_its_status_is_returned(tmp_path):
    command = [sys.executable, "-S", "-c", "raise SystemExit(3)"]
    assert run_and_watch(command, [tmp_path]) == 3


def test_the_command_is_started_anew_when_a_file_changes(tmp_path):
    sources, starts = tmp_path / "sources", tmp_path / "starts"
    sources.mkdir()
    # Stays until it is stopped the first time, and ends by itself the second time.
    script = (
        f'echo start >> "{starts}"; test $(wc -l < "{starts}") = 2 || exec sleep 1000'
    )

    def change_when_started():
        # The shell makes the file before it writes to it.
        wait_until(lambda: starts.exists() and starts.read_text(), 60, "the start")
        if not (sources / "new.py").exists():
            (sources / "new.py").touch()

    assert run_and_watch(["sh", "-c", script], [sources], change_when_started) == 0
    assert starts.read_text() == "start\nstart\n"


@pytest.mark.parametrize(
    ("name", "is_change"),
    [("__init__.py", True), ("result.csv", False), ("__pycache__/a.cpython.py", False)],
)
def test_a_new_folder_is_a_change_when_it_came_with_sources(tmp_path, name, is_change):
    """Files that were there before the folder was watched are told by nothing else."""
    file = tmp_path / "plugin" / name
    file.parent.mkdir(parents=True)
    file.touch()
    is_wanted = _options([tmp_path])["watch_filter"]
    assert is_wanted(Change.added, str(tmp_path / "plugin")) is is_change
    assert not is_wanted(Change.modified, str(tmp_path / "plugin"))


def test_a_folder_that_is_made_later_is_watched(tmp_path):
    later = tmp_path / "later"

    async def follow():
        found = changes([later])
        first = asyncio.ensure_future(anext(found))
        await asyncio.sleep(0)  # it begins
        later.mkdir()
        assert await first == "folders of plugins"
        second = asyncio.ensure_future(anext(found))
        while not second.done():  # it is not told when the folder is watched
            (later / "module.py").write_text(f"{time.monotonic()}")
            await asyncio.sleep(0.05)
        assert second.result() == "module.py"
        await found.aclose()

    asyncio.run(follow())


@pytest.mark.parametrize(
    "name, counts",
    [
        ("package/module.py", True),
        ("requirements.txt", True),
        ("package/requirements-test.txt", True),
        ("package/page.html", False),
        ("package/data.txt", False),
        (".git/hook.py", False),
        ("package/__pycache__/x.py", False),
        ("package/__init__.py", True),
        ("package/.#module.py", False),
        (".requirements.txt.swp", False),
        ("requirements_result.csv", False),
    ],
)
def test_only_what_processes_load_once_counts(tmp_path, name, counts):
    assert is_source(tmp_path / name, [tmp_path]) is counts
    assert not is_source(tmp_path / name, [tmp_path / "other"])
