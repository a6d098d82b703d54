"""Tasks that start processes, as numeric libraries do, and tasks that leave some behind."""

import multiprocessing
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from qhana_plugin_runner.celery import CELERY

KEPT = []


def square(number):
    return number * number


@CELERY.task(name="parents.pool", bind=True)
def pool(self, method, db_id):
    with multiprocessing.get_context(method).Pool(2) as pool:
        return str(pool.map(square, range(4)))


@CELERY.task(name="parents.executor", bind=True)
def executor(self, method, db_id):
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as executor:
        return str(list(executor.map(square, range(4))))


@CELERY.task(name="parents.keep-pool", bind=True)
def keep_pool(self, db_id):
    """Use a pool that is there for all calls in this process."""
    if not KEPT:
        KEPT.append(multiprocessing.Pool(2))
    return str(KEPT[0].map(square, range(4)))


@CELERY.task(name="parents.leave-process", bind=True)
def leave_process(self, method, db_id):
    process = multiprocessing.get_context(method).Process(target=time.sleep, args=(3600,))
    process.start()
    return str(process.pid)


@CELERY.task(name="parents.leave-program", bind=True)
def leave_program(self, db_id):
    """Start a program that does not mind SIGTERM."""
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print(flush=True); time.sleep(3600)"
    )
    program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    program.stdout.readline()
    return str(program.pid)


@CELERY.task(name="parents.leave-grandchild", bind=True)
def leave_grandchild(self, db_id):
    """Start a program in the background of a shell, which ends before the task."""
    command = ["sh", "-c", "sleep 3600 >/dev/null 2>&1 & echo $!"]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()
