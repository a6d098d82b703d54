"""Removes the bytes of files whose rows are gone."""

import logging
from collections import Counter
from collections.abc import Sequence

from sqlalchemy import delete, select

from ..db import DB
from ..db.models.removed_files import RemovedFile
from ..db.models.tasks import TaskFile
from ..db.statements import execute
from ..storage import STORE

BATCH = 100
"""Notes that are removed in one transaction."""

_logger = logging.getLogger(__name__)


class Failures:
    """Counts the failures of stores, so that one that is away is not asked again for now.

    It may take long to fail. A single file that cannot be removed is no reason to leave others.
    """

    MAX = 3
    """Failures in a row after which a store is given up."""

    def __init__(self) -> None:
        self._in_a_row: Counter[str] = Counter()

    def is_away(self, store: str) -> bool:
        return self._in_a_row[store] >= self.MAX

    def remove(self, file: TaskFile) -> bool:
        """Remove the bytes of a file, unless its store is away; return whether they are gone."""
        store, place = file.storage_provider, file.file_storage_data
        if self.is_away(store):
            return False
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

    What cannot be removed now stays noted. No transaction is open while a store is asked.

    Args:
        note_ids: which notes, with all between them (default: all)
    """
    note = RemovedFile
    query = select(
        note.id, note.storage_provider, note.file_name, note.file_storage_data
    ).order_by(note.id)
    if note_ids is not None:
        query = query.where(note.id <= max(note_ids, default=0))
    last = min(note_ids or [1]) - 1
    failures = Failures()
    while rows := DB.session.execute(query.where(note.id > last).limit(BATCH)).all():
        DB.session.rollback()
        last = rows[-1].id
        done = [id_ for id_, *file in rows if failures.remove(stored_file(*file))]
        if done:
            execute(delete(note).where(note.id.in_(done)))
            DB.session.commit()
    DB.session.rollback()


def stored_file(store: str, name: str, place: str) -> TaskFile:
    """Return what stores know a file by; not a row of the database."""
    return TaskFile(None, "", store, name, place, None)
