"""A plugin whose tasks do what tasks should not do, and wait until a test lets them go on."""

import ctypes
import hashlib
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import marshmallow as ma
from celery import group
from celery.exceptions import Ignore, Reject
from flask import redirect, url_for
from flask.views import MethodView

from qhana_plugin_runner.api.util import MaBaseSchema, SecurityBlueprint
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import utc_now
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import add_step, save_task_error, save_task_result
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

IDENTIFIER = plugin_identifier("trouble", "v1.0.0")
TROUBLE_BLP = SecurityBlueprint(IDENTIFIER, __name__)
WORK = {}


class Trouble(QHAnaPluginBase):
    name = "trouble"
    version = "v1.0.0"

    def get_api_blueprint(self):
        return TROUBLE_BLP


class InputSchema(MaBaseSchema):
    what = ma.fields.String(required=True)
    how = ma.fields.String(load_default="chain")
    gate = ma.fields.String(required=True)
    queue = ma.fields.String(load_default=None)


@TROUBLE_BLP.route("/")
class MetadataView(MethodView):
    def get(self):
        return {}


@TROUBLE_BLP.route("/process/")
class ProcessView(MethodView):
    @TROUBLE_BLP.arguments(InputSchema(), location="form")
    def post(self, arguments):
        task = ProcessingTask(task_name=f"{IDENTIFIER}.{arguments['what']}")
        task.save(commit=True)
        start(task, **arguments)
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)


@TROUBLE_BLP.route("/<int:task_id>/step/")
class StepView(MethodView):
    @TROUBLE_BLP.arguments(InputSchema(), location="form")
    def post(self, arguments, task_id):
        task = ProcessingTask.get_by_id(task_id)
        task.clear_previous_step(commit=True)
        start(task, **arguments)
        return redirect(url_for("tasks-api.TaskView", task_id=str(task.id)), 303)


@TROUBLE_BLP.route("/crash/")
class CrashView(MethodView):
    """Ends its process in the middle of a request: when asked, and before a row is committed."""

    def get(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def post(self):
        DB.session.add(ProcessingTask(task_name=f"{IDENTIFIER}.never"))
        DB.session.flush()
        os.kill(os.getpid(), signal.SIGKILL)


def start(task, what, how, gate, queue):
    work = WORK[what].s(gate=gate, db_id=task.id).set(queue=queue)
    if how == "step first":
        task.add_next_step(
            href=f"/plugins/{IDENTIFIER}/{task.id}/step/", ui_href="ui/", step_id="one"
        )
        task.save(commit=True)
        return
    if how == "crash":  # between the row and the message
        os.kill(os.getpid(), 9)
    if how == "step":
        href = f"/plugins/{IDENTIFIER}/{task.id}/step/"
        work |= add_step.s(db_id=task.id, step_id="one", href=href, ui_href="ui/")
    elif how == "unknown":
        work = CELERY.signature(f"{IDENTIFIER}.not-there", kwargs={"db_id": task.id})
    elif how == "chain":
        work |= save_task_result.s(db_id=task.id)
    elif how.startswith("after "):
        first = WORK[how.removeprefix("after ")].s(gate=f"{gate}.first", db_id=task.id)
        work = first | work | save_task_result.s(db_id=task.id)
    elif how == "group":
        parts = group(WORK[what].s(gate=f"{gate}.{n}", db_id=task.id) for n in range(3))
        work = parts | joined.s(db_id=task.id) | save_task_result.s(db_id=task.id)
    if how != "lone":
        work.link_error(save_task_error.s(db_id=task.id))
    work.apply_async()


def work(**options):
    """Register a function as the work of a Celery task; it gets the gate and the task's id."""

    def decorate(function):
        @CELERY.task(name=f"{IDENTIFIER}.{function.__name__}", bind=True, **options)
        def run(self, *_before, gate, db_id):
            with open(f"{gate}.started", "a", encoding="ascii") as marks:
                marks.write(f"{os.getpid()}\n")
            return function(self, gate, db_id)

        WORK[function.__name__] = run
        return run

    return decorate


@CELERY.task(name=f"{IDENTIFIER}.joined")
def joined(logs, db_id):
    return ", ".join(logs)


def wait_for(gate):
    while not Path(gate).exists():
        time.sleep(0.01)
    Path(f"{gate}.left").touch()


@work()
def greet(self, gate, db_id):
    return "hello"


@work()
def wait(self, gate, db_id):
    wait_for(gate)
    return "waited"


@work(attempts=3, attempt_delay=0.1)
def wait_with_attempts(self, gate, db_id):
    wait_for(gate)
    return "waited"


@work()
def ignore_sigterm(self, gate, db_id):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    Path(f"{gate}.ignores").touch()
    wait_for(gate)


@work()
def report(self, gate, db_id):
    task = ProcessingTask.get_by_id(db_id)
    task.progress_value, task.progress_unit = 30, "%"
    task.save(commit=True)
    wait_for(gate)
    return "reported"


@work(attempts=3, attempt_delay=0.1)
def save_and_wait(self, gate, db_id):
    STORE.persist_task_result(
        db_id, f"{os.getpid()}", "attempt.txt", "custom/text", "text/plain"
    )
    Path(f"{gate}.saved.{os.getpid()}").touch()
    wait_for(gate)
    return "saved"


@work()
def replaced(self, gate, db_id):
    raise self.replace(WORK["wait"].s(gate=gate, db_id=db_id))


@work()
def compute_in_c(self, gate, db_id):
    """Stays in C with Python's lock held, so that no other thread of the process runs.

    Until somebody writes to the pipe.
    """
    os.mkfifo(f"{gate}.pipe")
    ctypes.PyDLL(None).open(os.fsencode(f"{gate}.pipe"), os.O_RDONLY)
    return "computed"


@work()
def hash_in_c(self, gate, db_id):
    hashlib.pbkdf2_hmac("sha256", b"x", b"y", 2_000_000_000)
    return "hashed"


@work()
def cooperate(self, gate, db_id):
    task = ProcessingTask.get_by_id(db_id)
    while not task.cancel_requested:
        time.sleep(0.01)
    return "noticed"


def pid_of(_number):
    return os.getpid()


@work()
def with_children(self, gate, db_id):
    folder = tempfile.mkdtemp()
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    pool = multiprocessing.get_context("fork").Pool(2)
    pids = pool.map(pid_of, range(8), chunksize=1)
    facts = [folder, child.pid, *set(pids)]
    Path(f"{gate}.facts").write_text("\n".join(map(str, facts)))
    Path(f"{gate}.child").touch()
    pool.map(time.sleep, [3600, 3600])


@work()
def leave_a_child(self, gate, db_id):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    return "left"


@work()
def call_exit(self, gate, db_id):
    sys.exit(3)


class Unusual(BaseException):
    """What no plugin should raise, and libraries do."""


@work()
def raise_unusual(self, gate, db_id):
    raise Unusual("unusual")


@work()
def raise_interrupt(self, gate, db_id):
    raise KeyboardInterrupt


@work()
def raise_ignore(self, gate, db_id):
    raise Ignore("nothing to do")


@work()
def raise_reject(self, gate, db_id):
    raise Reject("not now", requeue=False)


@work()
def exit_hard(self, gate, db_id):
    os._exit(3)


@work()
def segfault(self, gate, db_id):
    ctypes.string_at(0)


@work()
def number(self, gate, db_id):
    return 5


@work()
def raise_nul(self, gate, db_id):
    raise ValueError("nul \0 inside")


@work()
def raise_surrogate(self, gate, db_id):
    raise ValueError("surrogate \ud800 inside")


@work()
def log_much(self, gate, db_id):
    return "x" * 5_000_000


@work(time_limit=1)
def too_long(self, gate, db_id):
    time.sleep(3600)


@work(max_retries=None)
def poll(self, gate, db_id):
    if not Path(gate).exists():
        raise self.retry(countdown=0.05)
    return "polled"


def repeat_after(seconds):
    """Register work that its plugin repeats once, after so many seconds."""

    def repeat(self, gate, db_id):
        if not self.request.retries:
            raise self.retry(countdown=seconds)
        return "repeated"

    repeat.__name__ = f"repeat_after_{seconds}"
    work()(repeat)


for _seconds in (1, 3, 3600):
    repeat_after(_seconds)


@work()
def finish_itself(self, gate, db_id):
    task = ProcessingTask.get_by_id(db_id)
    task.add_task_log_entry("by itself")
    task.task_status = "SUCCESS"
    task.finished_at = utc_now()
    task.save(commit=True)


@work()
def stale(self, gate, db_id):
    """Writes with an object that it loaded before the task has ended."""
    task = ProcessingTask.get_by_id(db_id)
    assert task.task_status is None
    DB.session.rollback()
    loaded = dict(vars(task))
    wait_for(gate)
    assert loaded
    task.task_status = "SUCCESS"
    task.finished_at = utc_now()
    task.save(commit=True)
    return "stale"


@work()
def save_file(self, gate, db_id):
    STORE.persist_task_result(db_id, "content", "out.txt", "custom/text", "text/plain")
    return "saved"


@work()
def fill_disk(self, gate, db_id):
    """Saves a file that is larger than this process may write."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        STORE.persist_task_result(
            db_id, b"x" * 200_000, "big.bin", "custom/big", "application/octet-stream"
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
