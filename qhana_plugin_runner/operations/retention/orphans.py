"""Removes files that no row names: left by a process that died before it could commit."""

import logging
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from urllib.parse import unquote

from sqlalchemy import select

from ...db import DB
from ...db.models.tasks import TaskFile
from ...storage import STORE, FileStore, KeptFile, StoreNotConfigured
from ...tasking.stored import Failures, stored_file

BATCH = 500
"""Files that one query asks for; databases take some thousand parameters at most."""

_TASK = re.compile(r"task_(\d{1,9})/")
# Found at each place where it can begin: the store may be in a folder with such a name itself.
_PLACE = re.compile(r"(?:^|/)(?=(task_\d+/.*))", re.DOTALL)

_logger = logging.getLogger(__name__)


def remove_orphans(days: float, dry_run: bool = False) -> Counter[str]:
    """Remove files that are older than so many days and belong to no row.

    What cannot be removed is left for the next time. Only folders of tasks are looked at, and only
    in stores that tell what they have.

    Args:
        days: the age, which the store tells; younger files may have no row yet
        dry_run: change nothing

    Returns:
        how many ``files`` and ``bytes`` were removed, or would be
    """
    oldest = datetime.now(UTC) - timedelta(days=days)
    total, failures = Counter[str](), Failures()
    for name in sorted(FileStore.known):
        try:
            for orphan in _orphans(STORE[name], oldest):
                if failures.is_away(name):
                    break
                file = stored_file(name, orphan.path, orphan.path)
                if dry_run or failures.remove(file):
                    total += Counter(files=1, bytes=orphan.size)
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
        known = _paths_of(store, {int(_TASK.match(file.path)[1]) for file in batch})  # type: ignore[index]
        unknown = [file for file in batch if file.path not in known]
        known = _paths_of_any_task([file.path for file in unknown])
        yield from (file for file in unknown if file.path not in known)


def _paths_of(store: FileStore, task_ids: set[int]) -> set[str]:
    """Return where a store has the files of tasks, however their rows say it."""
    query = select(TaskFile.file_storage_data).where(TaskFile.task_id.in_(task_ids))
    places = DB.session.execute(query).scalars().all()
    DB.session.rollback()
    found = set()
    for place in places:
        # Absolute paths of another host, and URLs: the end counts.
        for text in (place, unquote(place)):
            for match in _PLACE.finditer(text):
                found |= {match[1], store.prepare_path(match[1]).as_posix()}
    return found


def _paths_of_any_task(paths: list[str]) -> set[str]:
    """Return those of the paths that a row of any task names; reads all rows of files."""
    query = select(TaskFile.file_storage_data)
    rows = DB.session.execute(query.where(TaskFile.file_storage_data.in_(paths)))
    found = set(rows.scalars())
    DB.session.rollback()
    return found
