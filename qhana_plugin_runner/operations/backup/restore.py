"""Makes an instance folder out of an archive: as a whole, or not at all."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from packaging.version import InvalidVersion, Version

from ...security.fingerprint import fingerprint
from ...util.config import is_debug, read_settings
from ...util.instance_folder import LOCK_FILE, RESTORED, InstanceLock, put_in_place
from ...util.revisions import heads, known_revisions
from ...version import runner_version
from .archive import read_archive
from .create import FORMAT, Progress, place_of
from .snapshot import BackupError, disk_errors, problem_of

_RESTORING = ".restoring"
"""The folder in the instance folder that is filled; it is gone, or started anew, after a failure."""

_OF_NEW_INSTANCES = (LOCK_FILE, "secret_key", "bytecode", _RESTORING)
"""What a folder has in which no instance was started."""

_UNCHANGED = "Nothing was restored, and nothing has changed"


def restore_backup(
    path: Path, instance: Path, replace: bool, progress: Progress
) -> Mapping[str, Any]:
    """Make an instance out of an archive.

    Args:
        path: the archive
        instance: the folder; it is made when it does not exist
        replace: whether to replace an instance that is there
        progress: is told about the work

    Returns:
        the manifest of the archive; ``has_other_key`` says whether secrets cannot be read

    Raises:
        BackupError: nothing has changed; the text says why
    """
    if not path.is_file():
        raise BackupError(f"there is no file {path}: name an archive of flask backup")
    with InstanceLock(instance), disk_errors(instance, _UNCHANGED):
        _check_target(instance, replace)
        staging = instance / _RESTORING
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        new = staging / "new"
        new.mkdir(mode=0o700)
        try:
            manifest = read_archive(
                path,
                new,
                _check_manifest,
                partial(progress, "files"),
            )
            settings = read_settings(new, is_debug())
            place = place_of(settings, new)
            _check_database(place.database)
            (staging / "old").mkdir(mode=0o700)
            os.sync()  # all at once: one by one takes much longer
            with _uninterrupted():
                staging.rename(instance / RESTORED)
                put_in_place(instance)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
        if set(manifest["revision"]) != heads():
            _upgrade(instance)
    has_other_key = fingerprint(settings) != manifest["secret_key"]
    return {**manifest, "has_other_key": has_other_key}


def _check_target(instance: Path, replace: bool) -> None:
    """Refuse a folder with an instance that is not to be replaced, or is in use.

    Raises:
        BackupError: the folder cannot be restored to.
    """
    found = [each for each in instance.iterdir() if each.name not in _OF_NEW_INSTANCES]
    found = [each for each in found if not each.is_dir() or any(each.iterdir())]
    if found and not replace:
        raise BackupError(
            f"{instance} is not empty (it has {found[0].name}): name another folder in "
            "QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER, or add --replace to give up what is in it"
        )
    for each in found:
        if each.is_mount():
            raise BackupError(
                f"{each} is another file system, which cannot be replaced: unmount it first"
            )
        if each.suffix == ".db" and _is_open(each):
            raise BackupError(
                f"a process has {each} open: stop all web servers, workers, and maintenance first"
            )


def _is_open(database: Path) -> bool:
    """Whether another process has a database open: only the last one may leave WAL mode."""
    try:
        with closing(sqlite3.connect(database, timeout=0.0)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode & 0xFF in (
            sqlite3.SQLITE_BUSY,
            sqlite3.SQLITE_LOCKED,
        )
    except sqlite3.DatabaseError:
        pass  # it is damaged
    return False


def _check_manifest(manifest: Mapping[str, Any]) -> None:
    """Refuse an archive that this version cannot read.

    Raises:
        BackupError: it was made by a newer version, or is none.
    """
    kinds = {"format": int, "version": str, "revision": list, "secret_key": str}
    kinds["tasks"] = dict
    if not all(isinstance(manifest.get(name), kind) for name, kind in kinds.items()):
        raise BackupError(
            "its manifest.json is not that of a backup: take another archive"
        )
    revisions = set(map(str, manifest["revision"]))
    is_newer = manifest["format"] > FORMAT or not revisions <= known_revisions()
    try:
        is_newer |= Version(manifest["version"]) > Version(runner_version())
    except InvalidVersion:
        is_newer = True
    if is_newer:
        raise BackupError(
            f"the archive was made by version {manifest['version']:.40}, and this is "
            f"{runner_version()}: update the runner first. {_UNCHANGED}"
        )


def _check_database(database: Path) -> None:
    if problem := problem_of(database):
        raise BackupError(
            f"the database in the archive cannot be used ({problem}): take another archive. "
            f"{_UNCHANGED}"
        )


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Keep signals back: what is in the block takes milliseconds."""
    before = signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    )
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _upgrade(instance: Path) -> None:
    command = [sys.executable, "-m", "flask", "--app", "qhana_plugin_runner", "db"]
    variables = {"QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER": str(instance)}
    done = subprocess.run(
        [*command, "upgrade"],
        env={**os.environ, **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        raise BackupError(
            f"all is restored, but its older database was not upgraded ({last}): run "
            "flask db upgrade before the runner is started"
        )
