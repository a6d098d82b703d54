"""What tests let several processes do at once; each function runs in a process of its own."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

from flask import current_app
from helpers.runner import runner
from sqlalchemy.exc import IntegrityError

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.task_console import append_console
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasking import life_cycle
from qhana_plugin_runner.tasking.life_cycle import TaskState

MOVES = {
    TaskState.WAITING: life_cycle.mark_waiting,
    TaskState.QUEUED: lambda task_id: life_cycle.restart(task_id, "again", 1, 2),
    TaskState.RUNNING: lambda task_id: life_cycle.mark_running({task_id: 1.0}),
    TaskState.CANCELLING: life_cycle.request_cancel,
    TaskState.SUCCEEDED: lambda task_id: life_cycle.succeed(task_id, "end"),
    TaskState.FAILED: lambda task_id: life_cycle.fail(task_id, "end"),
    TaskState.LOST: lambda task_id: life_cycle.mark_lost(task_id, "end"),
    TaskState.CANCELLED: lambda task_id: life_cycle.cancel(task_id, "end"),
}
"""How a task is moved to each state."""


def in_processes(function, folder, arguments):
    """Call ``function(folder, argument)`` at once, each call in a new process.

    They use the database of the current app; without one, that of the folder.
    """
    settings = {}
    if current_app:
        settings["SQLALCHEMY_DATABASE_URI"] = current_app.config[
            "SQLALCHEMY_DATABASE_URI"
        ]
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        barrier = manager.Barrier(len(arguments))
        with ProcessPoolExecutor(len(arguments), context) as pool:
            calls = [
                pool.submit(_together, barrier, function, folder, argument, settings)
                for argument in arguments
            ]
            return [call.result() for call in calls]


def _together(barrier, function, folder, argument, settings):
    with runner(folder, tables=False, **settings) as app, app.app_context():
        barrier.wait(60)
        return function(folder, argument)


def read_then_write(_folder, rounds):
    """Read rows and write others, in as many transactions."""
    for _ in range(rounds):
        known = DB.session.query(ProcessingTask).count()
        ProcessingTask("a-task", parameters=str(known)).save(commit=True)
    return rounds


def first_look(_folder, _argument):
    """Open a new database and return its journal mode."""
    with DB.engine.connect() as connection:
        return connection.exec_driver_sql("PRAGMA journal_mode").scalar()


def append_lines(_folder, name):
    """Append 20 lines to the log of the first task."""
    for number in range(20):
        life_cycle.append_log(1, f"{name} {number}")
        DB.session.commit()
    return name


def print_lines(_folder, name):
    """Write 20 lines to the console of the first task, each as soon as nobody else writes."""
    for number in range(20):
        while True:
            try:
                with DB.engine.begin() as connection:
                    append_console(connection, 1, f"{name} {number}\n")
                break
            except IntegrityError:
                pass
    return name


def end(_folder, log):
    """End tasks 1 to 10 with failure or success and return which ends happened."""
    finish = life_cycle.fail if "fail" in log else life_cycle.succeed
    return [finish(task_id, log).happened for task_id in range(1, 11)]


def move(_folder, first):
    """Try all transitions on all contested tasks, in an order that begins with this one."""
    order = [*MOVES.values()][first:] + [*MOVES.values()][:first]
    tasks = DB.session.query(ProcessingTask.id).filter_by(task_name="contested")
    for (task_id,) in tasks.all():
        for to_state in order:
            to_state(task_id)
