"""The archive: a tar file that is written and read as a stream, with the digest of each file.

``manifest.json`` comes first, then all files below ``instance/``, and last ``SHA256SUMS``, in the
format of the program ``sha256sum``: an archive that ends before it is not whole.
"""

import fcntl
import gzip
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from ...util.instance_folder import LOCK_FILE
from .snapshot import BackupError

CONTENT = "instance/"
MANIFEST, SUMS = "manifest.json", "SHA256SUMS"

_PIECE = 1024 * 1024
_MAX_MANIFEST = 1024 * 1024

_COMPRESSED = (".gz", ".tgz")
_LEVEL = 3
"""Of gzip's nine; a higher one takes much longer for little."""


@contextmanager
def new_archive(path: Path) -> Iterator["ArchiveWriter"]:
    """Write an archive in the ``with`` block, and give it its name when it is whole.

    After an error nothing is left.
    """
    start, end = f".{path.name}.", ".part"
    for found in list(path.parent.iterdir()):
        if found.name.startswith(start) and found.name.endswith(end):
            _remove_abandoned(found)
    folder = Path(tempfile.mkdtemp(end, start, path.parent))
    try:
        with (
            locked(folder),
            _created(folder / "archive") as raw,
            tempfile.TemporaryFile(dir=folder) as sums,
        ):
            out: IO[bytes] = raw
            if path.name.endswith(_COMPRESSED):
                out = cast(IO[bytes], gzip.GzipFile("", "wb", _LEVEL, raw))
            yield (archive := ArchiveWriter(folder, out, sums))
            archive.finish()
            if out is not raw:
                out.close()
            raw.flush()
            os.fsync(raw.fileno())
            os.replace(folder / "archive", path)
            descriptor = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class ArchiveWriter:
    """Writes an archive.

    Args:
        folder: of its own, beside the archive, for what is not whole
        out: gets the archive
        sums: gets the digests for the time being
    """

    def __init__(self, folder: Path, out: IO[bytes], sums: IO[bytes]) -> None:
        self.folder, self._sums = folder, sums
        self._tar = tarfile.open(fileobj=out, mode="w")

    def add_manifest(self, values: Mapping[str, Any]) -> None:
        """Write what is known of the instance; comes first."""
        content = json.dumps(values, indent=2).encode()
        self._add(_private(MANIFEST), io.BytesIO(content), len(content))

    def add_bytes(self, name: str, content: bytes) -> None:
        """Write a file of the instance that is private to its owner."""
        self._add(_private(CONTENT + name), io.BytesIO(content), len(content))

    def add_file(self, name: str, path: Path, like: Path | None = None) -> int:
        """Write a file of the instance as it is now; what is appended meanwhile is left out.

        Args:
            name: its path in the instance folder
            path: where the content is
            like: the file whose mode and time it gets, if another one

        Returns:
            its size
        """
        with path.open("rb") as file:
            facts = os.fstat(file.fileno())
            shown = facts if like is None else like.stat()
            info = tarfile.TarInfo(CONTENT + name)
            info.mode, info.mtime = shown.st_mode & 0o777, int(shown.st_mtime)
            self._add(info, file, facts.st_size)
        return facts.st_size

    def add_folder(self, name: str, path: Path) -> None:
        """Write a folder of the instance without what is in it."""
        info = tarfile.TarInfo(CONTENT + name)
        info.type, info.mode = tarfile.DIRTYPE, path.stat().st_mode & 0o777
        self._tar.addfile(info)
        _forget(self._tar)

    def _add(self, info: tarfile.TarInfo, file: IO[bytes], size: int) -> None:
        info.size = size
        reader = _Hashing(file)
        try:
            self._tar.addfile(info, cast(BinaryIO, reader))
        except OSError as error:
            if type(error) is OSError and "unexpected end of data" in str(error):
                raise BackupError(
                    f"{info.name} became shorter while it was copied: start the backup again"
                ) from error
            raise
        _forget(self._tar)
        self._sums.write(_sum_line(info.name, reader.digest))

    def finish(self) -> None:
        """Write the digests, which come last."""
        info = _private(SUMS)
        info.size = self._sums.tell()
        self._sums.seek(0)
        self._tar.addfile(info, cast(BinaryIO, self._sums))
        self._tar.close()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Have a folder for this process alone, among backups.

    Raises:
        BackupError: another backup has it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BackupError(
                f"another backup of {folder} is being made: wait for its end"
            ) from error
        yield
    finally:
        os.close(descriptor)


def _remove_abandoned(folder: Path) -> None:
    """Remove what a backup has left that was killed."""
    with suppress(OSError, BackupError), locked(folder):
        shutil.rmtree(folder, ignore_errors=True)


class _Hashing:
    """A file whose digest is known when it has been read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self._file.read(size)
        self.digest.update(piece)
        return piece


def _forget(tar: tarfile.TarFile) -> None:
    """Let go of what is known of the members so far: there may be many."""
    tar.members = []  # type: ignore[attr-defined]


def _private(name: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mode, info.mtime = 0o600, int(time.time())
    return info


def _created(path: Path) -> IO[bytes]:
    """Create a file that only its owner may read."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    return os.fdopen(os.open(path, flags, 0o600), "wb", buffering=_PIECE)


def _sum_line(name: str, digest: Any) -> bytes:
    """Return a line as ``sha256sum`` writes it."""
    raw = os.fsencode(name)
    escaped = raw.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").replace(b"\r", b"\\r")
    mark = b"\\" if escaped != raw else b""
    found: str = digest.hexdigest()
    return mark + found.encode() + b"  " + escaped + b"\n"


def read_archive(
    path: Path,
    target: Path,
    check: Callable[[Mapping[str, Any]], None],
    progress: Callable[[int, int], None],
) -> Mapping[str, Any]:
    """Extract what is in an archive, and compare it with its digests.

    Args:
        path: the archive
        target: an empty folder for the content
        check: called with the manifest before anything is extracted; raises if it does not fit
        progress: called with what is done, and what there is, in bytes of the archive

    Returns:
        the manifest

    Raises:
        BackupError: it is not a whole archive of ``flask backup``.
    """
    damaged = BackupError(f"{path} is cut short or damaged: take another copy of it")
    total = path.stat().st_size
    with path.open("rb") as raw, _reading_errors(damaged):
        try:
            tar = tarfile.open(fileobj=raw, mode="r|*", bufsize=_PIECE)
        except tarfile.ReadError as error:
            raise _foreign(path) from error if total else damaged
        with tar:
            members = _members(tar)
            manifest, digest = _manifest(next(members, None), tar, path)
            check(manifest)
            sums = hashlib.sha256(_sum_line(MANIFEST, digest))
            for member in members:
                if member.name == SUMS:
                    if _digest(tar, member, None).digest() != sums.digest():
                        raise damaged
                    return manifest
                if digest := _extract(tar, member, target):
                    sums.update(_sum_line(member.name, digest))
                progress(raw.tell(), total)
    raise damaged


@contextmanager
def _reading_errors(damaged: BackupError) -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise damaged from error


def _members(tar: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    while member := tar.next():
        _forget(tar)
        yield member


def _foreign(path: Path) -> BackupError:
    return BackupError(f"{path} was not made by flask backup: name a file that was")


def _manifest(
    member: tarfile.TarInfo | None, tar: tarfile.TarFile, path: Path
) -> tuple[Mapping[str, Any], Any]:
    if member is None or member.name != MANIFEST or not member.isreg():
        raise _foreign(path)
    if member.size > _MAX_MANIFEST:
        raise _foreign(path)
    out = io.BytesIO()
    digest = _digest(tar, member, out)
    try:
        values = json.loads(out.getvalue())
    except ValueError as error:
        raise _foreign(path) from error
    if not isinstance(values, dict):
        raise _foreign(path)
    return values, digest


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> Any:
    """Extract a file or a folder; return the digest of a file."""
    name = member.name.removeprefix(CONTENT)
    is_plain = member.isdir() or (member.isreg() and not member.issparse())
    parts = name.split("/")
    is_own = parts[0].startswith(".restor") or parts[0] == LOCK_FILE
    if name == member.name or not is_plain or is_own:
        raise _refused(member)
    if any(part in ("", ".", "..") for part in parts) or "\0" in name:
        raise _refused(member)
    try:
        tarfile.data_filter(member, str(target))
    except tarfile.FilterError as error:
        raise _refused(member) from error
    path = target / name
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if member.isdir():
            path.mkdir(exist_ok=True)
            path.chmod(member.mode & 0o755 | 0o700)
            return None
        with path.open("xb") as out:
            digest = _digest(tar, member, out)
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise _refused(member) from error
    path.chmod(member.mode & 0o755 | 0o600)
    os.utime(path, (member.mtime, member.mtime))
    return digest


def _refused(member: tarfile.TarInfo) -> BackupError:
    return BackupError(
        f"the archive holds {member.name!r:.100}, which flask backup does not write: "
        "it was not made by it, and is not restored"
    )


def _digest(tar: tarfile.TarFile, member: tarfile.TarInfo, out: IO[bytes] | None) -> Any:
    """Read the content of a member, and write it."""
    digest, left = hashlib.sha256(), member.size
    with cast(IO[bytes], tar.extractfile(member)) as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            left -= len(piece)
            if out is not None:
                out.write(piece)
    if left:
        raise tarfile.ReadError("unexpected end of data")
    return digest
