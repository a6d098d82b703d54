"""Tasks that take what they can get: disk, memory, time, and the folder of others."""

import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasking.temp_files import working_folder

LONG = {
    "time_limit": 600.0
}  # one task of this module runs into the limit of the settings


@CELERY.task(name="limits.look", bind=True, **LONG)
def look(self, db_id):
    """Work as plugins do that write files into their working directory."""
    folder = working_folder()
    found = os.listdir(folder)
    (folder / "result.txt").write_text("1")
    (folder / "deep").mkdir()
    facts = {
        "folder": str(folder),
        "found": found,
        "cwd": os.getcwd(),
        "tempdir": tempfile.gettempdir(),
        "mode": folder.parent.stat().st_mode & 0o777,
    }
    return json.dumps(facts)


@CELERY.task(name="limits.leave_writer", bind=True, **LONG)
def leave_writer(self, db_id):
    """Leave a process that goes on writing into the folder."""
    code = "n = 0\nwhile True:\n  open(f'file{n}', 'w').write('x')\n  n += 1"
    subprocess.Popen([sys.executable, "-c", code])
    while not Path("file0").exists():
        pass
    return os.getcwd()


@CELERY.task(name="limits.take_memory", bind=True, **LONG)
def take_memory(self, way, db_id):
    """Take memory until there is no more, in large pieces or in small ones."""
    if way == "many small objects":
        taken = []
        while True:
            taken.append(bytes(1000))
    if way == "numpy":
        import numpy

        return str(numpy.ones(10**10).size)
    return str(len(bytes(10**12)))


@CELERY.task(name="limits.take_some", bind=True, **LONG)
def take_some(self, db_id):
    return str(len(bytes(100 * 1024 * 1024)))


@CELERY.task(name="limits.run_for_ever", bind=True)
def run_for_ever(self, db_id):
    threading.Event().wait()


@CELERY.task(name="limits.fill_store", bind=True, **LONG)
def fill_store(self, way, db_id):
    """Store results until the disk is full."""
    if way == "many small files":
        while True:
            STORE.persist_task_result(db_id, bytes(100_000), "x.bin", "a", "text/plain")
    if way == "temporary files":
        while True:
            STORE.persist_task_temp_file(db_id, bytes(100_000), "x.bin")
    STORE.persist_task_result(db_id, Endless(), "endless.bin", "a", "text/plain")


class Endless:
    """A file that has no end, and cannot be measured before."""

    def read(self, size=-1):
        return bytes(size)
