"""The bytes of files whose rows are gone."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence

from sqlalchemy import Row, delete, select

from ..db import DB
from ..db.models.removed_files import RemovedFile
from ..db.models.tasks import TaskFile
from ..storage import STORE

__all__ = ["Failures", "remove_bytes", "stored_file"]

BATCH = 100
"""Files for which the note that they are to be removed is removed at once."""

_logger = logging.getLogger(__name__)


class Failures:
    """Counts the failures of stores, so that one that is away is not asked again for now.

    It may take long to fail. A single file that cannot be removed is no reason to leave others.
    """

    MOST = 3
    """Failures in a row after which a store is given up."""

    def __init__(self) -> None:
        self._in_a_row: Counter[str] = Counter()

    def is_away(self, store: str) -> bool:
        return self._in_a_row[store] >= self.MOST

    def remove(self, file: TaskFile) -> bool:
        """Remove the bytes of a file, and return whether they are gone."""
        store, place = file.storage_provider, file.file_storage_data
        try:
            STORE.delete(file)
        except Exception as error:  # stores of plugins raise anything
            self._in_a_row[store] += 1
            _logger.warning("cannot remove the file %r now: %s", place, error)
            return False
        self._in_a_row[store] = 0
        return True


def remove_bytes(note_ids: Sequence[int] | None = None) -> None:
    """Remove the bytes that are noted, and their notes; commits.

    What cannot be removed now stays noted.

    Args:
        note_ids: which notes (default: all)
    """
    failures = Failures()
    for batch in _batches(note_ids):
        done = [
            note_id
            for note_id, store, name, place in batch
            if not failures.is_away(store)
            and failures.remove(stored_file(store, name, place))
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
