"""Processes of a worker are forked while no thread of it uses the database, if that is soon."""

import subprocess
import sys

import pytest

FORK = """
import os, sys, threading
from sqlalchemy import create_engine
from qhana_plugin_runner.worker.forks import fork_between_transactions

url, seconds = sys.argv[1:]
engine = create_engine(url)
fork_between_transactions([engine])
connection = engine.connect()
connection.exec_driver_sql("SELECT 1")
if seconds != "forever":
    threading.Timer(float(seconds), connection.close).start()
child = os.fork()
if not child:
    os._exit(0)
os.waitpid(child, 0)
os._exit(0)
"""


def warnings_of_fork(url, seconds):
    """Fork while a connection is used for so many seconds; it has to be done before 30 are over."""
    command = [sys.executable, "-W", "ignore", "-c", FORK, str(url), seconds]
    run = subprocess.run(command, capture_output=True, text=True, timeout=29, check=True)
    return run.stderr.strip()


def test_a_task_that_locks_rows_of_a_server_does_not_stop_the_worker(postgresql):
    url = postgresql.render_as_string(hide_password=False)
    in_use = "a process is forked while the database is in use"
    assert warnings_of_fork(url, "forever") == in_use


@pytest.mark.parametrize("seconds", ["0.1", "1.5"])
def test_a_transaction_of_sqlite_ends_before_a_process_is_forked(tmp_path, seconds):
    assert warnings_of_fork(f"sqlite:///{tmp_path}/a.db", seconds) == ""
