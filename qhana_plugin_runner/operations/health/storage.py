"""The check of the file stores: write, read and remove a file."""

import errno
import secrets
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flask import current_app
from flask_babel import lazy_gettext as _
from sqlalchemy import select

from ...db import DB
from ...db.models.tasks import TaskFile
from ...storage import STORE
from ...storage.errors import MissingFile
from ...storage.store import FileStore, ServedFileStore
from .result import Outcome, Problem, Status, safe_text

CONTENT = b"written by a health check\n"

_ASK = _(
    "Correct DEFAULT_FILE_STORE and the settings of the store: FILE_STORE_ROOT_PATH "
    "(the runner's account needs write access), or S3_ENDPOINT_URL, S3_BUCKET (it must "
    "exist), and the access key."
)


def look_at_stores() -> Outcome:
    """Write, read and remove a file in the default store; read one of each other store in use."""
    default = current_app.config["DEFAULT_FILE_STORE"]
    problems = [_tried(_write_and_read, default)]
    for name in sorted(FileStore.known.keys() - {default}):
        file = DB.session.scalar(
            select(TaskFile).filter_by(storage_provider=name).limit(1)
        )
        if file is not None:
            problems.append(_tried(_read, name, file))
    return Outcome(default, [problem for problem in problems if problem])


def _tried(work: Any, name: str, *arguments: Any) -> Problem | None:
    try:
        work(name, *arguments)
        return None
    except Exception as error:  # stores are plugins, too
        cause = safe_text(error)
        full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
        return Problem(
            _("fails"),
            _("The file store %(name)s failed: %(cause)s", name=name, cause=cause),
            _("Free up disk space, for example with `flask clean-up`.") if full else _ASK,
            Status.UNAVAILABLE,
        )


def _write_and_read(name: str) -> None:
    store = STORE[name]
    if not isinstance(store, ServedFileStore):
        return  # what it takes, and who may read it, is its own business
    target = Path(f"health-check-{secrets.token_hex(8)}")
    store.persist_file(CONTENT, target, "text/plain")
    file: Any = SimpleNamespace(
        file_storage_data=str(store._get_file_identifier(target)),
        file_name=target.name,
        mimetype="text/plain",
        size=len(CONTENT),
    )
    try:
        with store.open(file) as stored:
            if stored.read() != CONTENT:
                raise OSError("what was written is not what is read")
    finally:
        store.delete(file)


def _read(name: str, file: TaskFile) -> None:
    store = STORE[name]
    if isinstance(store, ServedFileStore):
        try:
            with store.open(file) as stored:
                stored.read(1)
        except MissingFile:
            pass  # of this file, others may know more
