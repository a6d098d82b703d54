"""Files in the stores that no row knows: left by a process that died before it could commit."""

import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from urllib.parse import unquote

from sqlalchemy import select

from ...db import DB
from ...db.models.tasks import TaskFile
from ...storage import STORE, FileStore, KeptFile, StoreNotConfigured
from ...tasking.amount import Amount
from ...tasking.stored import Failures, stored_file

__all__ = ["remove_orphans"]

BATCH = 500
"""Files that one query asks for; databases take some thousand parameters at most."""

_TASK = re.compile(r"task_(\d{1,9})/")
# Found at each place where it can begin: the store may be in a folder with such a name itself.
_PLACE = re.compile(r"(?:^|/)(?=(task_\d+/.*))", re.DOTALL)

_logger = logging.getLogger(__name__)


def remove_orphans(days: float, dry_run: bool = False) -> Amount:
    """Remove files that are older than so many days and belong to no row.

    What cannot be removed is left for the next time. Only folders of tasks are looked at, and only
    in stores that tell what they have.

    Args:
        days: the age, which the store tells; younger files may have no row yet
        dry_run: change nothing

    Returns:
        what was removed, or would be
    """
    oldest = datetime.now(UTC) - timedelta(days=days)
    total, failures = Amount(), Failures()
    for name in sorted(FileStore.known):
        try:
            for orphan in _orphans(STORE[name], oldest):
                if failures.is_away(name):
                    break
                file = stored_file(name, orphan.path, orphan.path)
                if dry_run or failures.remove(file):
                    total = total.plus(Amount(files=1, size=orphan.size))
        except StoreNotConfigured:
            continue
        except Exception as error:  # stores of plugins raise anything
            _logger.warning("the file store %r cannot be cleaned now: %s", name, error)
    return total


def _orphans(store: FileStore, oldest: datetime) -> Iterator[KeptFile]:
    files = (
        file
        for file in store.task_files()
        if file.kept_at < oldest and _TASK.match(file.path)
    )
    while batch := list(islice(files, BATCH)):
        known = _places_of({int(_TASK.match(file.path)[1]) for file in batch})  # type: ignore[index]
        unknown = [file for file in batch if file.path not in known]
        if unknown:
            known = _known_places([file.path for file in unknown])
            yield from (file for file in unknown if file.path not in known)


def _places_of(task_ids: set[int]) -> set[str]:
    """Return where the files of tasks are, however their rows say it."""
    query = select(TaskFile.file_storage_data, TaskFile.storage_provider)
    rows = DB.session.execute(query.where(TaskFile.task_id.in_(task_ids))).all()
    DB.session.rollback()
    found = set()
    for place, _store in rows:
        # Absolute paths of another host, and URLs: the end counts.
        for text in (place, unquote(place)):
            for match in _PLACE.finditer(text):
                path = STORE["local_filesystem"].prepare_path(match[1])
                found |= {match[1], path.as_posix()}
    return found


def _known_places(paths: list[str]) -> set[str]:
    """Return those of the paths that a row of any task names; reads all rows of files."""
    query = select(TaskFile.file_storage_data)
    rows = DB.session.execute(query.where(TaskFile.file_storage_data.in_(paths)))
    found = set(rows.scalars())
    DB.session.rollback()
    return found
