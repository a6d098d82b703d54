"""The bytes of files whose rows are gone."""

import logging
from collections.abc import Iterator, Sequence

from sqlalchemy import Row, delete, select

from ..db import DB
from ..db.models.removed_files import RemovedFile
from ..db.models.tasks import TaskFile
from ..storage import STORE

__all__ = ["remove_bytes", "stored_file"]

BATCH = 100
"""Files for which the note that they are to be removed is removed at once."""

_logger = logging.getLogger(__name__)


def remove_bytes(note_ids: Sequence[int] | None = None) -> None:
    """Remove the bytes that are noted, and their notes; commits.

    What cannot be removed now stays noted. A store that fails is not asked again for now: it
    may take long to fail.

    Args:
        note_ids: which notes (default: all)
    """
    failing: set[str] = set()
    for batch in _batches(note_ids):
        done = [
            note_id
            for note_id, store, name, place in batch
            if store not in failing and _removed(store, name, place, failing)
        ]
        if done:
            DB.session.execute(
                delete(RemovedFile).where(RemovedFile.id.in_(done)),
                execution_options={"synchronize_session": False},
            )
            DB.session.commit()


def stored_file(store: str, name: str, place: str) -> TaskFile:
    """Return what stores know a file by; no row of the database."""
    return TaskFile(None, "", store, name, place, None)


def _removed(store: str, name: str, place: str, failing: set[str]) -> bool:
    try:
        STORE.delete(stored_file(store, name, place))
    except Exception as error:  # stores of plugins raise anything
        failing.add(store)
        _logger.warning("cannot remove the file %r now: %s", place, error)
        return False
    return True


def _batches(
    note_ids: Sequence[int] | None,
) -> Iterator[Sequence[Row[int, str, str, str]]]:
    """Yield the notes; no transaction is open meanwhile."""
    note = RemovedFile
    columns = (note.id, note.storage_provider, note.file_name, note.file_storage_data)
    if note_ids is not None:
        chunks = [note_ids[i : i + BATCH] for i in range(0, len(note_ids), BATCH)]
        for chunk in chunks:
            rows = DB.session.execute(select(*columns).where(note.id.in_(chunk))).all()
            DB.session.rollback()
            yield rows
        return
    last = 0
    while True:
        query = select(*columns).where(note.id > last).order_by(note.id).limit(BATCH)
        rows = DB.session.execute(query).all()
        DB.session.rollback()
        if not rows:
            return
        last = rows[-1].id
        yield rows
