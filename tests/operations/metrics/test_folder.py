"""The folder in which processes keep their metrics: bounded, and gone with its service."""

import errno
import os
import signal
import subprocess
import sys
import time

from helpers.processes import wait_until

from qhana_plugin_runner.util import metrics_folder

PROGRAM = """
import os, sys
from qhana_plugin_runner.util.metrics_folder import VARIABLE, provide_folder
provide_folder()
from prometheus_client import CollectorRegistry
from qhana_plugin_runner.operations.metrics import counters
for _ in range(20):
    if not (pid := os.fork()):
        counters.count_end("a", "failed")
        os._exit(0)
    os.waitpid(pid, 0)
counters.count_end("a", "failed")
registry = CollectorRegistry()
counters.add_counters(registry)
labels = {"plugin": "a", "state": "failed"}
print(registry.get_sample_value("qhana_tasks_ended_total", labels))
print(len([n for n in os.listdir(os.environ[VARIABLE]) if n.endswith(".db")]))
print(os.environ[VARIABLE], flush=True)
sys.stdin.read()
"""


def program(tmp_path):
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "TMPDIR": str(tmp_path), "PROMETHEUS_MULTIPROC_DIR": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def told(process):
    return [process.stdout.readline().strip() for _ in range(3)]


def test_processes_that_follow_each_other_go_on_with_the_same_files(tmp_path):
    with program(tmp_path) as process:
        count, files, folder = told(process)
        assert (count, files) == ("21.0", "2")
        assert os.path.dirname(folder) == str(tmp_path)
        process.communicate("")
    assert process.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    def refuse(*_arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(metrics_folder.fcntl, "lockf", refuse)
    assert metrics_folder._take_slot(tmp_path) == f"pid-{os.getpid()}"


def test_what_a_killed_service_has_left_goes_with_the_next_start(tmp_path):
    with program(tmp_path) as killed, program(tmp_path) as other:
        left, kept = told(killed)[2], told(other)[2]
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        for folder in (left, kept):
            os.utime(folder, (time.time() - 3600,) * 2)
        with program(tmp_path) as following:
            own = told(following)[2]
            assert sorted(map(str, tmp_path.iterdir())) == sorted([kept, own])
            following.communicate("")
        other.communicate("")
    wait_until(lambda: list(tmp_path.iterdir()) == [], 30, "nothing is left")
