"""A command that is started anew when source files change."""

import sys

from qhana_plugin_runner.launcher.watch import run_and_watch, source_state


def test_the_command_runs_once_without_changes_and_its_status_is_returned(tmp_path):
    command = [sys.executable, "-S", "-c", "raise SystemExit(3)"]
    assert run_and_watch(command, [tmp_path], pause=lambda: None) == 3


def test_the_command_is_started_anew_when_a_file_changes(tmp_path):
    sources, starts = tmp_path / "sources", tmp_path / "starts"
    sources.mkdir()
    # Stays until it is stopped the first time, and ends by itself the second time.
    script = f'echo start >> "{starts}"; test $(wc -l < "{starts}") = 2 || sleep 1000'

    def change_when_started():
        # The shell makes the file before it writes to it.
        if starts.exists() and starts.read_text() and not (sources / "new.py").exists():
            (sources / "new.py").touch()

    assert run_and_watch(["sh", "-c", script], [sources], change_when_started) == 0
    assert starts.read_text() == "start\nstart\n"


def test_only_source_files_below_the_folders_count(tmp_path):
    package = tmp_path / "package"
    for folder in (package, tmp_path / ".git", package / "__pycache__"):
        folder.mkdir()
    before = source_state([tmp_path])
    for other in ("package/data.txt", ".git/hook.py", "package/__pycache__/x.py"):
        (tmp_path / other).touch()
    (package / "dead.py").symlink_to("nowhere")
    assert source_state([tmp_path]) == before
    (package / "module.py").touch()
    (package / "page.html").touch()
    assert source_state([tmp_path]).keys() == {
        package / "module.py",
        package / "page.html",
    }
    assert source_state([tmp_path / "missing"]) == {}
