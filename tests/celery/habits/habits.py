"""Tasks as plugins write them, in all the shapes that are known."""

from celery import chain, chord, group

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask


@CELERY.task(name="habits.echo", bind=True)
def echo(self, text, db_id):
    return text


@CELERY.task(name="habits.preview", bind=True)
def preview(self, text, db_id=None):
    return f"{text} of {db_id}"


@CELERY.task(name="habits.count", bind=True)
def count(self, lines, db_id):
    return f"{len(lines)} parts: {', '.join(sorted(lines))}"


@CELERY.task(name="habits.fail", bind=True)
def fail(self, message, db_id):
    raise ValueError(message)


@CELERY.task(name="habits.fail-silently", bind=True, ignore_result=True)
def fail_silently(self, message, db_id):
    raise ValueError(message)


@CELERY.task(name="habits.replace", bind=True)
def replace(self, db_id):
    return self.replace(chain(echo.s("replaced", db_id=db_id), add_mark.s(db_id=db_id)))


@CELERY.task(name="habits.raise-replace", bind=True)
def raise_replace(self, db_id):
    raise self.replace(echo.s("raised", db_id=db_id))


@CELERY.task(name="habits.add-mark", bind=True)
def add_mark(self, text, db_id):
    return text + "!"


@CELERY.task(name="habits.fan-out", bind=True)
def fan_out(self, db_id):
    parts = group(echo.s(f"part {n}", db_id=db_id) for n in range(3))
    return self.replace(chord(parts, count.s(db_id=db_id)))


@CELERY.task(name="habits.retry", bind=True, max_retries=None)
def retry(self, db_id):
    task = ProcessingTask.get_by_id(db_id)
    task.data["tries"] = task.data.get("tries", 0) + 1
    task.save(commit=True)
    if task.data["tries"] < 3:
        raise self.retry(countdown=0)
    return f"{task.data['tries']} tries"


@CELERY.task(name="habits.who-am-i", bind=True)
def who_am_i(self, db_id):
    return "called directly" if self.request.called_directly else self.request.id


NEXT_ERROR = []


@CELERY.task(name="habits.raise-next", bind=True)
def raise_next(self, db_id):
    raise NEXT_ERROR.pop()
