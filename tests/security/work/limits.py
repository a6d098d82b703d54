"""Tasks that take what they can get: disk, memory, time, and the folder of others."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.tasking.temp_files import working_folder


@CELERY.task(name="limits.look", bind=True)
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


@CELERY.task(name="limits.leave_writer", bind=True)
def leave_writer(self, db_id):
    """Leave a process that goes on writing into the folder."""
    code = "n = 0\nwhile True:\n  open(f'file{n}', 'w').write('x')\n  n += 1"
    subprocess.Popen([sys.executable, "-c", code])
    while not Path("file0").exists():
        pass
    return os.getcwd()
