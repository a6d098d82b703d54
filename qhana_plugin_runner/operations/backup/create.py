"""Makes a backup of an instance folder, whether or not the runner works meanwhile."""

import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy.engine import make_url

from ...security.fingerprint import fingerprint
from ...util.config.celery_config import uses_own_broker
from ...util.instance_folder import (
    BROKER_FOLDER,
    LOCK_FILE,
    InstanceInUse,
    InstanceLock,
)
from ...version import runner_version
from .archive import ArchiveWriter, locked, new_archive
from .snapshot import (
    BackupError,
    DamagedDatabase,
    RunningBroker,
    copy_sqlite,
    disk_errors,
    is_sqlite,
    problem_of,
)

FORMAT = 1
"""Of archives; a higher one cannot be read."""

Progress = Callable[[str, int, int], None]
"""Called with what is being copied, how much is done, and how much there is."""

HOW_TO = "see docs/how-to/back-up.md"

_NOTHING_WRITTEN = "No archive was written"

_LEFT_OUT = (LOCK_FILE, "bytecode", "dev-broker")
"""What in the folder itself belongs to processes that run, or is made anew."""

_OF_SQLITE = ("-wal", "-shm", "-journal")
"""Endings of files beside a database, whose content its copy has."""

_UNFINISHED = ".unfinished-"
"""How names of files begin that the store is writing."""

_MANIFEST_OF_QUEUE = "file appendonly.aof.1.base.rdb seq 1 type b\n"
"""Tells the broker that all it has to load is this file."""


class Place(NamedTuple):
    """Where an instance keeps what is backed up.

    Attributes:
        database: the file of the database
        files: the folder of the file store
    """

    database: Path
    files: Path


def place_of(settings: Mapping[str, Any], instance: Path) -> Place:
    """Return where an instance keeps its data.

    Raises:
        BackupError: some of it is not in the instance folder.
    """
    url = make_url(settings["SQLALCHEMY_DATABASE_URI"])
    elsewhere = []
    database = instance / str(url.database)
    is_file = url.get_backend_name() == "sqlite" and url.database
    if not is_file or not _is_in(database, instance):
        shown = url.set(query={}).render_as_string()
        elsewhere.append(f"the database (SQLALCHEMY_DATABASE_URI: {shown})")
    files = instance / settings["FILE_STORE_ROOT_PATH"]
    if settings["DEFAULT_FILE_STORE"] != "local_filesystem":
        elsewhere.append(f"files (DEFAULT_FILE_STORE: {settings['DEFAULT_FILE_STORE']})")
    elif not _is_in(files, instance):
        elsewhere.append(f"files (FILE_STORE_ROOT_PATH: {files})")
    if not uses_own_broker(settings):
        elsewhere.append("the queue (BROKER_URL)")
    if elsewhere:
        raise BackupError(
            "an archive has what is in the instance folder, and this is elsewhere: "
            f"{', '.join(elsewhere)}. Back it up with its own tools: {HOW_TO}"
        )
    return Place(database, files)


def _is_in(path: Path, instance: Path) -> bool:
    """Whether a path leads into a folder; links in the folder may lead out of it."""
    return Path(os.path.abspath(path)).is_relative_to(os.path.abspath(instance))


def create_backup(
    settings: Mapping[str, Any], instance: Path, path: Path, progress: Progress
) -> Mapping[str, Any]:
    """Make an archive of an instance.

    Args:
        settings: of the instance
        instance: its folder
        path: the archive; one that is there is replaced when the new one is whole
        progress: is told about the work

    Returns:
        what the manifest holds, the number of files in the store, the bytes of the archive,
        the links that were left out

    Raises:
        BackupError: there is no archive; the text says why
    """
    place = place_of(settings, instance)
    path = path.absolute()
    if not place.database.is_file():
        raise BackupError(
            f"there is no instance in {instance} (it has no {place.database.name}): name the "
            "right folder in QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER"
        )
    if _is_in(path.resolve(), instance.resolve()):
        raise BackupError(
            f"{path} is in the instance folder, whose loss it is to survive: choose another "
            "folder, on another disk if there is one"
        )
    with (
        locked(instance),
        disk_errors(path.parent, _NOTHING_WRITTEN),
        _queue(instance) as broker,
        new_archive(path) as archive,
    ):
        copy = archive.folder / "database"
        copy_sqlite(place.database, copy, partial(progress, "database"), broker)
        if problem := problem_of(copy):
            raise DamagedDatabase(place.database, problem)
        manifest, size = _manifest(settings, copy)
        archive.add_manifest(manifest)
        database = place.database.relative_to(instance).as_posix()
        archive.add_file(database, copy, like=place.database)
        copy.unlink()
        if broker is not None:
            _add_queue(archive, broker, instance / BROKER_FOLDER)
        files = done = 0
        links = []
        for name, found in _content(place, instance, is_queue_copied=broker is not None):
            if found.is_symlink() and found.parent != instance:
                links.append(name)
                continue
            try:
                if found.is_dir():
                    archive.add_folder(name, found)
                    continue
                done += _add(archive, name, found, place)
            except FileNotFoundError:
                continue  # removed meanwhile
            files += found.is_relative_to(place.files)
            progress("files", done, max(done, size))
    size = path.stat().st_size
    return {**manifest, "files": files, "bytes": size, "links": links}


def _add(archive: ArchiveWriter, name: str, path: Path, place: Place) -> int:
    """Write a file; databases, such as those of plugins, as a moment of them."""
    if path.is_relative_to(place.files) or not is_sqlite(path):
        return archive.add_file(name, path)
    copy = archive.folder / "copy"
    try:
        copy_sqlite(path, copy, lambda done, all_: None)
        return archive.add_file(name, copy, like=path)
    except DamagedDatabase:
        return archive.add_file(name, path)
    finally:
        copy.unlink(missing_ok=True)


@contextmanager
def _queue(instance: Path) -> Iterator[RunningBroker | None]:
    """Yield the broker if it runs; otherwise keep it from being started."""
    broker = RunningBroker(instance / BROKER_FOLDER)
    if broker.answers():
        yield broker
        return
    try:
        lock = InstanceLock(instance)
    except InstanceInUse as error:
        if not broker.answers():  # it may have been started since
            raise BackupError(
                f"the runner of {instance} works, and its own broker does not: try again "
                "when it has started or stopped, or set BROKER_URL as for the runner"
            ) from error
        yield broker
    else:
        with lock:
            yield None


def _add_queue(archive: ArchiveWriter, broker: RunningBroker, place: Path) -> None:
    saved = broker.saved()
    archive.add_folder(BROKER_FOLDER, place)
    folder = f"{BROKER_FOLDER}/appendonlydir"
    archive.add_folder(folder, place / "appendonlydir")
    archive.add_bytes(
        f"{folder}/appendonly.aof.manifest", _MANIFEST_OF_QUEUE.encode("ascii")
    )
    archive.add_file(f"{folder}/appendonly.aof.1.base.rdb", saved)
    saved.unlink()


def _manifest(settings: Mapping[str, Any], copy: Path) -> tuple[dict[str, Any], int]:
    """Return what is known of an instance, and the size of the files that its rows name."""
    with closing(sqlite3.connect(copy)) as database:
        revision = _rows(database, "SELECT version_num, 0 FROM alembic_version")
        states = _rows(
            database, 'SELECT state, count(*) FROM "ProcessingTask" GROUP BY state'
        )
        sizes = _rows(database, 'SELECT 0, sum(size) FROM "TaskFile"')
    manifest = {
        "format": FORMAT,
        "version": runner_version(),
        "revision": sorted(revision),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "secret_key": fingerprint(settings),
        "tasks": {state or "unknown": count for state, count in states.items()},
    }
    return manifest, sizes.get(0) or 0


def _rows(database: sqlite3.Connection, query: str) -> dict[Any, Any]:
    try:
        return dict(database.execute(query).fetchall())
    except sqlite3.OperationalError:
        return {}  # an older schema


def _content(
    place: Place, instance: Path, is_queue_copied: bool
) -> Iterator[tuple[str, Path]]:
    """Yield the files and folders of an instance that are copied as they are.

    A link in the folder itself counts as what it leads to. Links below it are yielded as such.
    """
    beside = {place.database.name + ending for ending in ("", *_OF_SQLITE)}
    for path in sorted(instance.iterdir()):
        is_queue = path.name == BROKER_FOLDER
        is_hidden = path.name.startswith(".restor")
        if path.name in _LEFT_OUT or is_hidden or (is_queue and is_queue_copied):
            continue
        for found in _below(path):
            name = found.relative_to(instance).as_posix()
            is_database = found.parent == place.database.parent and found.name in beside
            of_queue = is_queue and found.parent == path and found.is_file()
            if not is_database and not of_queue and not _is_beside_sqlite(found, place):
                yield name, found


def _below(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        for parent, folders, names in os.walk(path):
            yield Path(parent)
            for found in (Path(parent, name) for name in (*names, *folders)):
                is_finished = not found.name.startswith(_UNFINISHED)
                if found.is_symlink() or (is_finished and found.is_file()):
                    yield found


def _is_beside_sqlite(path: Path, place: Place) -> bool:
    """Whether a file belongs to a database of a plugin."""
    for ending in _OF_SQLITE:
        if path.name.endswith(ending) and not path.is_relative_to(place.files):
            owner = path.with_name(path.name.removesuffix(ending))
            return owner.is_file() and is_sqlite(owner)
    return False
