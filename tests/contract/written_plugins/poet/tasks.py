"""Tasks in all the shapes that plugins give them."""

from tempfile import SpooledTemporaryFile

from celery import chain, chord, group
from celery.utils.log import get_task_logger
from flask import current_app

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.storage import STORE

from . import Poet

TASK_LOGGER = get_task_logger(__name__)
_name = Poet.instance.identifier


@CELERY.task(name=f"{_name}.write", bind=True)
def write(self, db_id: int) -> str:
    """Write what was asked for into a file."""
    TASK_LOGGER.info(f"Writing for task {db_id}")
    task_data = ProcessingTask.get_by_id(id_=db_id)
    assert task_data and current_app.name  # tasks run inside of an app context
    with SpooledTemporaryFile(mode="w") as output:
        output.write(task_data.parameters)
        STORE.persist_task_result(
            db_id, output, "poem.txt", "custom/poem", "text/plain", commit=True
        )
    return f"bound to {self.name}"


@CELERY.task(name=f"{_name}.silent", bind=True)
def silent(self, db_id: int):
    """Return nothing."""


@CELERY.task(name=f"{_name}.line", bind=True)
def line(self, text: str, db_id: int) -> str:
    return text


@CELERY.task(name=f"{_name}.join", bind=True)
def join(self, lines: list[str], db_id: int) -> str:
    return " / ".join(lines)


def _two_lines(db_id):
    return chain(line.s("roses", db_id=db_id), shout.s(db_id=db_id))


@CELERY.task(name=f"{_name}.shout", bind=True)
def shout(self, text: str, db_id: int) -> str:
    return text.upper()


@CELERY.task(name=f"{_name}.returns_replace", bind=True)
def returns_replace(self, db_id: int):
    return self.replace(_two_lines(db_id))


@CELERY.task(name=f"{_name}.raises_replace", bind=True)
def raises_replace(self, db_id: int):
    raise self.replace(_two_lines(db_id))


@CELERY.task(name=f"{_name}.as_chord", bind=True)
def as_chord(self, db_id: int):
    header = group(line.s(text, db_id=db_id) for text in ("roses", "violets"))
    return self.replace(chord(header, join.s(db_id=db_id)))


@CELERY.task(name=f"{_name}.polls", bind=True, max_retries=None)
def polls(self, db_id: int) -> str:
    """Look again and again, without limit, until something is there."""
    task = ProcessingTask.get_by_id(db_id)
    task.data["looks"] = task.data.get("looks", 0) + 1
    task.save(commit=True)
    if task.data["looks"] < 5:
        raise self.retry(countdown=0)
    return f"{task.data['looks']} looks"


@CELERY.task(name=f"{_name}.fails", bind=True)
def fails(self, db_id: int) -> str:
    raise ValueError("no rhyme for orange")


@CELERY.task(name=f"{_name}.fails_silently", bind=True, ignore_result=True)
def fails_silently(self, db_id: int) -> str:
    raise ValueError("no rhyme for orange")


@CELERY.task(name=f"{_name}.finishes_itself", bind=True)
def finishes_itself(self, db_id: int):
    task = ProcessingTask.get_by_id(db_id)
    task.data["by"] = "itself"
    task.add_task_log_entry("on my own", commit=True)


@CELERY.task(name=f"{_name}.adds", bind=True)
def adds(self, db_id: int) -> str:
    """Change the row as soon as there is one, and keep what others wrote."""
    task = ProcessingTask.get_by_id(db_id)
    task.data["by worker"] = sorted(task.data)
    task.save(commit=True)
    return "added"


RUNS = []


@CELERY.task(name=f"{_name}.every_night", bind=True)
def every_night(self) -> None:
    RUNS.append(self.name)


@CELERY.on_after_finalize.connect
def set_up(sender, **kwargs):
    sender.add_periodic_task(24 * 60 * 60, every_night.s(), name="every night")
