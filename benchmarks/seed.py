"""Fill the database of the runner: a finished task, whose id is printed, and what it is to have."""

import argparse
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from sqlalchemy import insert

from qhana_plugin_runner import create_app
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.subscriptions import TaskUpdateSubscription
from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskFile
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasks import save_task_result

PLUGINS = [f"plugin-{number}@v1-0-0" for number in range(20)]
_PIECE = b"0123456789abcde\n" * (1 << 16)
_BATCH = 10_000
_START = datetime(2026, 1, 1, tzinfo=UTC)


def content(size: int) -> BinaryIO:
    """Return a file of so many bytes."""
    if size <= len(_PIECE):
        return BytesIO(_PIECE[:size])
    file = TemporaryFile()
    while size > 0:
        file.write(_PIECE[: min(size, len(_PIECE))])
        size -= len(_PIECE)
    file.seek(0)
    return file


def finished(count: int) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Make rows of tasks, one a second, each with a file; one of a hundred has failed."""
    choice = random.Random(1)
    for number in range(1, count + 1):
        made = _START + timedelta(seconds=number)
        is_ok = number % 100 != 0
        task = {
            "id": number,
            "task_name": "bench.task",
            "plugin": choice.choice(PLUGINS),
            "parameters": '{"input_str": "a text that somebody has typed"}',
            "started_at": made,
            "began_at": made,
            "finished_at": made + timedelta(seconds=2),
            "state": "succeeded" if is_ok else "failed",
            "task_status": "SUCCESS" if is_ok else "FAILURE",
            "log_start": "Said hello.",
            "progress_value": 100.0,
        }
        file = {
            "task_id": number,
            "security_tag": f"tag-{number}",
            "storage_provider": "local_filesystem",
            "file_name": "out.txt",
            "file_storage_data": f"task_{number}/out/tag/out.txt",
            "file_type": "hello-world",
            "mimetype": "text/plain",
            "size": 100,
        }
        yield task, file


def insert_finished(count: int) -> None:
    """Insert so many finished tasks."""
    rows = finished(count)
    while batch := [row for row, _ in zip(rows, range(_BATCH))]:
        DB.session.execute(insert(ProcessingTask), [task for task, _file in batch])
        DB.session.execute(insert(TaskFile), [file for _task, file in batch])
        DB.session.commit()


def make_task(files: list[int], log: int, subscriptions: int) -> int:
    """Make a task that has succeeded, through what plugins use."""
    task = ProcessingTask(task_name="bench.task", parameters='{"inputStr": "text"}')
    task.save(commit=True)
    for size in files:
        with content(size) as file:
            STORE.persist_task_result(
                task.id, file, f"{size}.txt", "custom/benchmark", "text/plain"
            )
    if log:
        task.add_task_log_entry(content(log).read().decode(), commit=True)
    save_task_result("Said hello.", db_id=task.id)
    hooks = [f"http://127.0.0.1:9/hook/{number}" for number in range(subscriptions)]
    rows = [
        {"task_id": task.id, "webhook_href": hook, "task_href": hook} for hook in hooks
    ]
    if rows:
        DB.session.execute(insert(TaskUpdateSubscription), rows)
    DB.session.commit()
    return task.id


def main() -> None:
    """Read the arguments and fill the database."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seed")
    parser.add_argument("--files", type=int, nargs="*", default=[], help="sizes")
    parser.add_argument("--log", type=int, default=0, help="bytes")
    parser.add_argument("--subscriptions", type=int, default=0)
    parser.add_argument("--tasks", type=int, default=0, help="finished tasks beside it")
    options = parser.parse_args()
    with create_app().app_context():
        insert_finished(options.tasks)
        task = make_task(options.files, options.log, options.subscriptions)
        print(f"task {task}")


if __name__ == "__main__":
    main()
