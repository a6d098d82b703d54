"""All outputs of a task in one ZIP file, made while it is sent."""

import io
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePosixPath

from ...db.models.tasks import TaskFile
from ...storage import CHUNK, STORE, shown_name
from ...util.texts import encodable

__all__ = ["unique_names", "zipped"]


NOTE = "NOT INCLUDED.txt"
"""The entry that says what is not in a ZIP file."""

EPOCH = datetime(1980, 1, 1)
"""The first time that the format can tell."""


class _Pipe(io.RawIOBase):
    """What is written, until somebody takes it; it cannot be rewound."""

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


def zipped(files: list[TaskFile], note: str = "") -> Iterator[bytes]:
    """Yield a ZIP file with some files, as it is made; one piece of a file is held in memory.

    Args:
        files: files of stores that this runner can open
        note: a text about what is not in it; without one there is no such entry

    Raises:
        StorageError: while iterating: a file is not there; the client sees an answer cut short
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
    """Return a name for each one, of which none leads out of a folder, and none is there twice."""
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
