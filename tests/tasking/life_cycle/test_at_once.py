"""Several threads and processes at the same task."""

import threading

from helpers.databases import on_each_database
from helpers.writers import append_lines, end, in_processes

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasking import life_cycle

pytestmark = on_each_database


def make_tasks(count):
    for _ in range(count):
        ProcessingTask("a-task").save()
    DB.session.commit()


def test_of_several_processes_exactly_one_ends_each_task(tmp_path, context):
    make_tasks(10)
    logs = ["fail a", "succeed a", "fail b", "succeed b"]
    results = dict(zip(logs, in_processes(end, tmp_path, logs)))
    for index in range(10):
        winners = [log for log, happened in results.items() if happened[index]]
        task = ProcessingTask.get_by_id(index + 1)
        assert winners == [task.task_log]
        assert task.status == ("FAILURE" if "fail" in task.task_log else "SUCCESS")


def test_of_several_threads_exactly_one_ends_a_task(app, context):
    make_tasks(1)
    happened = []
    barrier = threading.Barrier(8)

    def finish(name):
        with app.app_context():
            barrier.wait(30)
            if life_cycle.succeed(1, name).happened:
                happened.append(name)

    threads = [threading.Thread(target=finish, args=(f"t{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    DB.session.rollback()
    assert happened == [ProcessingTask.get_by_id(1).task_log]


def test_lines_that_processes_append_at_once_are_all_kept(tmp_path, context):
    make_tasks(1)
    names = in_processes(append_lines, tmp_path, ["one", "two", "three"])
    lines = ProcessingTask.get_by_id(1).task_log.split("\n")
    assert sorted(lines) == sorted(f"{name} {n}" for name in names for n in range(20))
    for name in names:
        own = [line for line in lines if line.startswith(name)]
        assert own == [f"{name} {n}" for n in range(20)]
