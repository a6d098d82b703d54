"""All outputs of a task in one ZIP file, which is made while it is sent."""

import io
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePosixPath

from ...db.models.tasks import TaskFile
from ...storage import CHUNK, STORE, shown_name
from ...util.texts import encodable

NOTE = "NOT INCLUDED.txt"
"""The entry that lists missing files and the reasons."""

EPOCH = datetime(1980, 1, 1)
"""The earliest time that the format supports."""


class _Pipe(io.RawIOBase):
    """A buffer between the writer of the ZIP file and the response."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def zip_stream(files: list[TaskFile], note: str = "") -> Iterator[bytes]:
    """Yield a ZIP file in pieces; only one piece of a file is held in memory.

    Args:
        files: Files of stores that this runner can open.
        note: A text about missing files; without one there is no such entry.

    Raises:
        StorageError: While iterating, when a file is missing; the client gets a partial response.
    """
    pipe = _Pipe()
    names = unique_names([file.file_name for file in files] + [NOTE])
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for file, name in zip(files, names):
            made_at = max(file.created_at or EPOCH, EPOCH)
            entry = zipfile.ZipInfo(name, made_at.timetuple()[:6])
            entry.compress_type = zipfile.ZIP_DEFLATED
            with (
                STORE[file.storage_provider].open(file) as content,
                archive.open(entry, "w", force_zip64=True) as target,
            ):
                while piece := content.read(CHUNK):
                    target.write(piece)
                    yield pipe.take()
        if note:
            archive.writestr(names[-1], encodable(note))
    yield pipe.take()


def unique_names(wanted_names: list[str]) -> list[str]:
    """Return a unique name for each file that does not lead out of a folder."""
    names: list[str] = []
    known: set[str] = set()
    for wanted in map(shown_name, wanted_names):
        name = wanted
        path = PurePosixPath(wanted)
        number = 2
        while name.casefold() in known:
            name = str(path.with_name(f"{path.stem} ({number}){path.suffix}"))
            number += 1
        known.add(name.casefold())
        names.append(name)
    return names
