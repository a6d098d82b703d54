"""A plugin whose tasks say their name in all ways, while another one does the same."""

import logging
import subprocess
import sys
import time
import warnings
from pathlib import Path
from threading import Thread

from celery.utils.log import get_task_logger

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.util.plugins import QHAnaPluginBase


class Talk(QHAnaPluginBase):
    name = "talk"
    version = "v1"


@CELERY.task(name="talk@v1.talk")
def talk(db_id, name, others, folder):
    """Print before and after all others have begun."""
    print("I am", name, end="")
    print(flush=True)
    Path(folder, name).touch()
    while not all(Path(folder, other).exists() for other in others):
        time.sleep(0.01)
    print("error of", name, file=sys.stderr)
    warnings.warn(f"a warning of {name}", stacklevel=1)
    logging.getLogger("any").warning("logged by %s", name)
    get_task_logger("talk").warning("told by %s", name)
    thread = Thread(target=print, args=[f"a thread of {name}"])
    thread.start()
    thread.join()
    code = f"print('a child of {name}')"
    subprocess.run([sys.executable, "-c", code], stdout=sys.stdout, check=True)
    print("password:", name.replace(" ", ""))
    print("the end of", name, end="")
    if name.startswith("bad"):
        raise ValueError(name)
    return name
