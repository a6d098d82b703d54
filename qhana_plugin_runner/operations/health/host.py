"""Checks of this host and of its settings: disk, clocks, plugins, secret key, port."""

import errno
import os
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple

from flask import current_app
from flask_babel import lazy_gettext as _
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from ...db import DB
from ...db.db import as_utc, database_time
from ...plugins.loading import loaded_plugins
from ...security.fingerprint import fingerprint
from ...tasking.broker import in_flight
from ...util.config import ConfigError, refuse_weak
from ...util.config.settings import default_plugin_folders
from ...worker.about import clock_difference
from .result import Outcome, Problem, Status
from .workers import introductions_if_any

ROOM, SHARE = 1024**3, 0.1
"""A disk is almost full with less than a GiB free, or a tenth of a small one."""

TOLERANCE = 5.0
"""Seconds that clocks may differ; leases and heartbeats are renewed more often."""


HOST, PORT = "127.0.0.1", "5005"

SECONDS = 2.0
"""For a server on this host to answer."""


class Disk(NamedTuple):
    """A disk, or another file system, on which this process writes.

    Attributes:
        what: what is written there.
        path: one of the folders.
        free: bytes that this account may use.
        size: in bytes.
        has_few_inodes: whether there is hardly room for more files, however small.
    """

    what: str
    path: Path
    free: int
    size: int
    has_few_inodes: bool


def disks() -> list[Disk]:
    """Return the disks of this host that fill up."""
    found: dict[int, tuple[Path, list[str]]] = {}
    for what, folder in _folders().items():
        path = _existing(folder)
        found.setdefault(path.stat().st_dev, (path, []))[1].append(what)
    return [_disk(path, ", ".join(sorted(names))) for path, names in found.values()]


def _folders() -> dict[str, Path]:
    app = current_app
    instance = Path(app.instance_path)
    found = {"instance": instance, "temporary": Path(tempfile.gettempdir())}
    if app.config["DEFAULT_FILE_STORE"] == "local_filesystem":
        found["files"] = instance / app.config["FILE_STORE_ROOT_PATH"]
    url = make_url(app.config["SQLALCHEMY_DATABASE_URI"])
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        found["database"] = (instance / str(url.database)).parent
    return found


def _existing(path: Path) -> Path:
    """Return the folder, or the one above it that exists: it is on the same disk."""
    return path if os.path.isdir(path) else _existing(path.parent)


def _disk(path: Path, what: str) -> Disk:
    usage, inodes = shutil.disk_usage(path), os.statvfs(path)
    few = bool(inodes.f_files) and inodes.f_favail < inodes.f_files / 100
    return Disk(what, path, usage.free, usage.total, few)


def look_at_disk() -> Outcome:
    """Look whether there is room for files, the database, and temporary files of this host."""
    found = disks()
    facts = "; ".join(
        f"{disk.what}: {disk.free / 1024**3:.1f} GiB free" for disk in found
    )
    return Outcome(
        facts,
        [
            _full(disk)
            for disk in found
            if disk.free < min(ROOM, disk.size * SHARE) or disk.has_few_inodes
        ],
    )


def _full(disk: Disk) -> Problem:
    if disk.has_few_inodes:
        cause = _(
            "%(path)s (%(what)s) is almost out of inodes, so only a few more files can "
            "be created.",
            path=disk.path,
            what=disk.what,
        )
    else:
        cause = _(
            "%(path)s (%(what)s) has %(free)s MiB left.",
            path=disk.path,
            what=disk.what,
            free=disk.free // 1024**2,
        )
    cure = _(
        "Free up space: remove old tasks (`flask clean-up`, RETENTION_FINISHED_DAYS), "
        "or use a larger disk."
    )
    return Problem(_("almost full"), cause, cure)


def look_at_clocks() -> Outcome:
    """Look whether the clocks of this host, the database, the broker and the workers agree."""
    ahead = {}
    with suppress(DBAPIError):  # the check of the database tells that
        ahead["database"] = -_ahead_of_database()
    registry = in_flight(current_app._get_current_object())  # type: ignore[attr-defined]
    with suppress(RedisError):
        own = 0.0 if registry is None else clock_difference(registry)
        if registry is not None:
            ahead["broker"] = -own
        for worker in introductions_if_any():
            if "clock" in worker.about:
                ahead[f"worker {worker.about['name']}"] = worker.about["clock"] - own
    facts = ", ".join(f"{name} {seconds:+.1f} s" for name, seconds in ahead.items())
    problems = [
        Problem(
            _("clocks differ"),
            _(
                "The clock of %(name)s differs from this host's clock by %(seconds)s s.",
                name=name,
                seconds=f"{seconds:+.1f}",
            ),
            _(
                "Synchronize the clocks of all hosts (`timedatectl set-ntp true`, or chrony)."
            ),
        )
        for name, seconds in ahead.items()
        if abs(seconds) > TOLERANCE
    ]
    return Outcome(facts, problems)


def _ahead_of_database() -> float:
    """Return by how many seconds the clock of this process is ahead of the database's."""
    DB.session.connection()  # to connect takes a while
    before = time.time()
    now = DB.session.scalar(select(database_time()))
    assert now is not None
    return (before + time.time()) / 2 - as_utc(now).timestamp()


def look_at_plugins() -> Outcome:
    """Look whether the plugin folders are there and their plugins served, without missing packages."""
    loaded = loaded_plugins()
    folders = [Path(folder).absolute() for folder in current_app.config["PLUGIN_FOLDERS"]]
    problems = [problem for folder in folders if (problem := _folder_problem(folder))]
    if current_app.config["PLUGIN_FOLDERS"] == default_plugin_folders(current_app.debug):
        problems = []  # nobody has asked for these
    for failure in loaded.failures:
        if failure.is_note and failure.about is None:
            continue
        problems.append(
            Problem(
                _("packages missing") if failure.is_note else _("failed"),
                f"{failure.source}: {failure.error}",
                failure.advice,
                Status.OK if failure.is_note else Status.DEGRADED,
            )
        )
    return Outcome(_("%(count)s served", count=len(loaded.mounted)), problems)


def _folder_problem(folder: Path) -> Problem | None:
    if not os.path.isdir(folder):
        cause = _("The plugin folder %(folder)s does not exist.", folder=folder)
    elif not os.access(folder, os.R_OK | os.X_OK):
        cause = _("The plugin folder %(folder)s cannot be read.", folder=folder)
    else:
        return None
    cure = _(
        "Correct PLUGIN_FOLDERS (paths are relative to the working directory) or the "
        "permissions of the folder, then restart."
    )
    return Problem(_("folder missing"), cause, cure)


def look_at_secret_key() -> Outcome:
    """Look whether the key is the same for web server and workers, and kept from others."""
    return Outcome(problems=list(_key_problems()))


def _key_problems() -> Iterator[Problem]:
    try:
        refuse_weak(current_app.config["SECRET_KEY"])
    except ConfigError as error:  # that is allowed in debug mode
        cause, _colon, cure = str(error).partition(": ")
        yield Problem(_("can be guessed"), f"{cause}.", cure)
    own = fingerprint(current_app.config)
    others = [
        str(worker.about["name"])
        for worker in introductions_if_any()
        if worker.about.get("secret", own) != own
    ]
    if others:
        yield Problem(
            _("not the same on all hosts"),
            _(
                "These workers have a different SECRET_KEY: %(workers)s.",
                workers=", ".join(others),
            ),
            _("Set the same QHANA_SECRET_KEY for all processes of the deployment."),
        )
    file = Path(current_app.instance_path, "secret_key")
    try:
        mode = file.stat().st_mode
    except OSError:
        return
    # The group's may be meant so, as on volumes of Kubernetes.
    if mode & stat.S_IRWXO:
        yield Problem(
            _("readable by others"),
            _("Other accounts on this host can access %(file)s.", file=file),
            _("Run `chmod 600 %(file)s`.", file=file),
        )


def look_at_port() -> Outcome:
    """Look whether the port of the web server is free, or a runner answers there."""
    named = os.environ.get("SERVER_PORT") or os.environ.get("FLASK_RUN_PORT") or PORT
    if not (named.isascii() and named.isdecimal() and 0 < int(named) < 65536):
        cause = _("SERVER_PORT is %(port)s.", port=named)
        problem = Problem(_("no port"), cause, _("Set it to a number from 1 to 65535."))
        return Outcome(problems=[problem])
    port = int(named)
    if _is_runner(port):
        return Outcome(_("a runner responds on port %(port)s", port=port))
    try:
        socket.create_server((HOST, port)).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            summary = _("in use")
            cause = _("Another program is using port %(port)s on this host.", port=port)
            cure = _("Stop it, or choose another port with `--port` or SERVER_PORT.")
        else:
            summary = _("cannot be used")
            cause = _("Port %(port)s cannot be used: %(cause)s.", port=port, cause=error)
            cure = _("Choose a port above 1023, with `--port` or SERVER_PORT.")
        return Outcome(problems=[Problem(summary, cause, cure)])
    return Outcome(_("port %(port)s is free", port=port))


def _is_runner(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=SECONDS)
    try:
        connection.request("GET", "/health/live")
        answer = connection.getresponse()
        return answer.status == 200 and b'"status"' in answer.read(1000)
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
