"""What ``benchmarks.scale`` wants to be true when all tasks have ended."""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from .deployment import BUCKET, Deployment
from .scale_clients import Receiver, Submitted

SETTLE_SECONDS = 180


class Database:
    """What is in the database, asked without the runner."""

    def __init__(self, uri: str) -> None:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import NullPool

        self._engine = create_engine(uri, poolclass=NullPool)

    def rows(self, query: str) -> list[Any]:
        """Return the rows of a query."""
        from sqlalchemy import text

        with self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    def one(self, query: str) -> Any:
        """Return the only value of a query."""
        return self.rows(query)[0][0]


def until(is_so: Any, seconds: float = SETTLE_SECONDS) -> bool:
    """Wait until something is so, and return whether it came to be."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def check_tasks(
    tasks: Sequence[Submitted], effects: Sequence[str], kills: Mapping[str, int]
) -> list[str]:
    """Return what is wrong with the ends, the results, and the effects of tasks."""
    problems = []
    begins = Counter(line for line in effects if line.startswith("begin "))
    ends = Counter(line for line in effects if line.startswith("end "))
    if len({task.id for task in tasks}) != len(tasks):
        problems.append("two tasks have the same id")
    lost = 0
    for task in tasks:
        mark = f"{task.token} {task.id}"
        begun, done = begins[f"begin {mark}"], ends[f"end {mark}"]
        if len(task.ends) != 1:
            problems.append(f"task {task.id} has the ends {task.ends}")
            continue
        ((status, state, _finished),) = task.ends
        if status == "SUCCESS":
            if not done:
                problems.append(f"task {task.id} has succeeded and was not done")
            if (task.outputs, task.text) != (1, task.token):
                problems.append(f"task {task.id} has the results {task.outputs}")
        elif state == "lost" and not task.repeats:
            lost += 1
            if "in no queue" in task.text:
                problems.append(f"task {task.id} is lost before it began")
        else:
            problems.append(f"task {task.id} (repeats: {task.repeats}) is {state}")
        if not task.repeats and begun > 1:
            problems.append(f"task {task.id} was begun {begun} times")
    running = {"pool process": 1, "worker": 4}
    most = sum(running.get(what, 0) * count for what, count in kills.items())
    if lost > most:
        problems.append(f"{lost} tasks are lost, of at most {most} that were killed")
    return problems


def check_webhooks(
    tasks: Sequence[Submitted], receiver: Receiver, database: Database
) -> list[str]:
    """Return what is wrong with the calls of webhooks."""
    pending = 'SELECT count(*) FROM "WebhookDelivery" WHERE due_at IS NOT NULL'
    if not until(lambda: database.one(pending) == 0):
        return [f"{database.one(pending)} webhooks are not called"]
    problems = []
    known = {(task.token, task.id) for task in tasks}
    for call in receiver.calls:
        if call not in known:
            problems.append(f"a webhook was called for {call}, which nobody subscribed")
    for task in tasks:
        if task.subscribed and not receiver.calls[task.token, task.id]:
            problems.append(f"the webhook of task {task.id} was never called")
    return problems


def check_broker(deployment: Deployment) -> list[str]:
    """Return what is left in the broker."""

    def left() -> list[str]:
        found = []
        with deployment.redis() as client:
            for key in client.scan_iter(count=1000):
                kind = client.type(key)
                # Celery leaves there what one worker has asked of others before it was killed.
                if kind == "list" and not key.endswith(".reply.celery.pidbox"):
                    found.append(f"{client.llen(key)} messages in {key}")
            # Dead ones are removed when somebody looks for lost tasks, while there are tasks.
            if (alive := len(list(client.scan_iter("qhana:worker:*:alive")))) != 4:
                found.append(f"{alive} workers are alive")
        return found

    until(lambda: not left())
    return left()


def unconfirmed(deployment: Deployment) -> list[int]:
    """Return the tasks of messages that were with workers that are dead.

    Those whose work was sent again, or ended, go back to the queue after Celery's visibility
    time-out, and do not start.
    """
    with deployment.redis() as client:
        texts = client.hvals("unacked")
    return [json.loads(text)[0]["headers"].get("qhana_task") for text in texts]


def hashes_left(deployment: Deployment) -> dict[int, set[str]]:
    """Return what is registered of messages in the broker, by task; no tombstones."""
    found = {}
    with deployment.redis() as client:
        for key in client.scan_iter("qhana:task:*", count=1000):
            names = set(client.hkeys(key))
            if "!ended" not in names and not key.endswith(":again"):
                found[int(key.rpartition(":")[2])] = names
    return found


def check_rows(
    deployment: Deployment, database: Database, tasks: Sequence[Submitted]
) -> tuple[dict[str, int], list[str]]:
    """Return counts of what nobody knows of, and what is wrong with rows and files."""
    known = {task.id for task in tasks}
    problems = []
    query = 'SELECT id, state FROM "ProcessingTask" WHERE finished_at IS NULL'
    open_ = database.rows(query)
    for number, state in open_:
        if number in known or state != "waiting":
            problems.append(f"the row of task {number} is {state}")
    is_open = {number for number, _state in open_}
    for number in unconfirmed(deployment):
        if number in is_open:
            problems.append(f"a message of task {number} is with no worker")
    total = database.one('SELECT count(*) FROM "ProcessingTask"')
    rows = {path for (path,) in database.rows('SELECT file_storage_data FROM "TaskFile"')}
    if deployment.s3:
        pages = deployment.store.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
        stored = {each["Key"] for page in pages for each in page.get("Contents", ())}
    else:
        root = deployment.folder / "instance" / "files"
        stored = {
            str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()
        }
    if missing := rows - stored:
        problems.append(f"{len(missing)} files are missing: {sorted(missing)[:3]}")
    counts = {
        "tasks of cut-off submits": total - len(known),
        "files without a row": len(stored - rows),
        "records of ended tasks in the broker": len(hashes_left(deployment)),
        "unconfirmed messages of ended tasks": len(unconfirmed(deployment)),
    }
    return counts, problems


def check_rest(deployment: Deployment, database: Database) -> list[str]:
    """Stop all; return what is left of temporary folders, processes and connections."""
    left = [path.name for path in deployment.temp_folder.glob("qhana-message-*")]
    problems = [f"temporary folders {left[:5]} ({len(left)})"] if left else []
    problems += deployment.stop()
    if deployment.s3:
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()"
        )
        if not until(lambda: database.one(query) == 0, 10):
            problems.append(f"{database.one(query)} connections to the database")
    return problems
