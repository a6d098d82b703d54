"""The secrets of tasks: kept encrypted, read by the task alone, removed when it ends.

A :class:`~qhana_plugin_runner.forms.fields.SecretField` loads as a reference. The secret is kept
when the row of a task is written that has the reference in its parameters or its data, in the
same transaction.
"""

from functools import lru_cache
from os import urandom
from typing import Any

from flask import current_app
from sqlalchemy import Connection, delete, event, insert, select

from ..db import DB
from ..db.models.secrets import TaskSecret
from ..db.models.tasks import ProcessingTask
from ..db.statements import execute
from ..errors import RunnerError
from ..util import strict_json
from ..util.redaction import hide
from ..util.secret_references import secrets_of_request

__all__ = ["RevealError", "remove_secrets_of_ended_tasks", "reveal"]

_NONCE_LENGTH = 12
"""Bytes; what AES-GCM takes without hashing it."""


class RevealError(RunnerError):
    """A secret cannot be read; the text says why, and holds nothing of the secret."""


def reveal(reference: str, db_id: int) -> str:
    """Return the secret that a reference stands for.

    Call it in the task, where the secret is needed, and store what it returns nowhere. What the
    thread of the task logs, prints, raises or returns for its log after that has ``***`` instead.
    What it returns for another task of the plugin is handed on as it is, through the broker.

    Args:
        reference: what a ``SecretField`` has loaded, as it is in the parameters of the task.
        db_id: the id of the task.

    Raises:
        RevealError: the secret belongs to another task, is removed already, or was
            encrypted with another ``SECRET_KEY``.
    """
    query = select(TaskSecret.content).filter_by(reference=reference, task_id=db_id)
    content = DB.session.execute(query).scalar()
    if content is None:
        raise RevealError(
            f"Task {db_id} has no such secret. It has if the reference that its form loaded is "
            "in its parameters or its data when it is saved, and until it ends."
        )
    secret = _decrypt(content, _owner(reference, db_id))
    hide(secret)
    return secret


def remove_secrets_of_ended_tasks() -> int:
    """Remove what was kept for a task that had ended meanwhile; commits.

    Returns:
        how many were removed
    """
    ended = select(ProcessingTask.id).where(ProcessingTask.finished_at.is_not(None))
    removed = execute(delete(TaskSecret).where(TaskSecret.task_id.in_(ended))).rowcount
    DB.session.commit()
    return removed


@event.listens_for(ProcessingTask, "after_insert", propagate=True)
@event.listens_for(ProcessingTask, "after_update", propagate=True)
def _keep(_mapper: Any, connection: Connection, task: ProcessingTask) -> None:
    """Keep the secrets of this request whose references the row of a task has."""
    secrets = secrets_of_request()
    if not secrets or task.finished_at is not None:
        return
    loaded = vars(task)  # what is not loaded was not changed
    text = f"{loaded.get('parameters')} {strict_json.dumps(loaded.get('data'))}"
    of_task = select(TaskSecret.reference).where(TaskSecret.task_id == task.id)
    kept = set(connection.execute(of_task).scalars())
    for reference, secret in secrets.items():
        if reference in text and reference not in kept:
            content = _encrypt(secret, _owner(reference, task.id))
            connection.execute(
                insert(TaskSecret).values(
                    reference=reference, task_id=task.id, content=content
                )
            )


def _owner(reference: str, task_id: int) -> bytes:
    """Return what a secret is bound to: it can be read for nothing else."""
    return f"{reference} of task {task_id}".encode()


def _encrypt(secret: str, owner: bytes) -> bytes:
    nonce = urandom(_NONCE_LENGTH)
    content: bytes = nonce + _cipher().encrypt(nonce, secret.encode(), owner)
    return content


def _decrypt(content: bytes, owner: bytes) -> str:
    from cryptography.exceptions import InvalidTag

    nonce, encrypted = content[:_NONCE_LENGTH], content[_NONCE_LENGTH:]
    try:
        return str(_cipher().decrypt(nonce, encrypted, owner), "utf-8")
    except InvalidTag:
        raise RevealError(
            "The secret cannot be decrypted: SECRET_KEY has changed since the task was started, "
            "or the worker has another one than the web server. Start the task again."
        ) from None


def _cipher() -> Any:
    return _cipher_for(current_app.config["SECRET_KEY"])


@lru_cache(maxsize=4)
def _cipher_for(secret_key: str | bytes) -> Any:
    """Return a cipher whose key is derived from ``SECRET_KEY`` for this purpose alone."""
    # Takes some milliseconds to import, which most processes never need.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    material = secret_key.encode() if isinstance(secret_key, str) else secret_key
    purpose = b"qhana_plugin_runner secrets of tasks"
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(material)
    return AESGCM(key)
