"""The files that a task has left."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, TypeVar, overload
from uuid import uuid4

from .connection import Connection
from .errors import ClientError

if TYPE_CHECKING:
    import pandas

_IDENTIFIERS = ("ID", "href")

_MISSING = (
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"),
    *("1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""What stands for a missing value in CSV; what pandas takes for one by default."""

_LONGEST_NAME, _LONGEST_ENDING = 255, 64
"""Bytes of a name of a file, and of its ending."""


class Output:
    """A file of a task. It is downloaded when its content is asked for.

    Attributes:
        name: The name of the file.
        href: The URL of the file; needs no token.
        data_type: What the file holds, such as ``entity/list``.
        content_type: The mime type.
    """

    def __init__(self, connection: Connection, data: dict[str, Any]) -> None:
        self._connection = connection
        self._content: bytes | None = None
        self.href: str = data["href"]
        self.data_type: str = data.get("dataType", "")
        self.content_type: str = data.get("contentType", "")
        self.name: str = data.get("name") or self.href.partition("?")[0].rsplit("/")[-1]

    def __repr__(self) -> str:
        return f"<Output {self.name} {self.data_type} {self.content_type}>"

    @property
    def as_input(self) -> str:
        """What is sent when it is given to a plugin: its URL."""
        return self.href

    @property
    def content(self) -> bytes:
        """The content."""
        if self._content is None:
            buffer = io.BytesIO()
            self._connection.download(self.href, buffer)
            self._content = buffer.getvalue()
        return self._content

    @property
    def text(self) -> str:
        """The content as text; UTF-8 unless the mime type says otherwise."""
        _type, _separator, charset = self.content_type.partition("charset=")
        return self.content.decode(charset.partition(";")[0].strip(' "') or "utf-8-sig")

    def json(self) -> Any:
        """The content as JSON; of JSON lines, a list."""
        import json

        if self._is("json-lines", "x-lines+json", "x-ndjson", "jsonl"):
            lines = io.StringIO(self.text, newline=None)  # no other ends of lines
            return [json.loads(line) for line in lines if line.strip()]
        return json.loads(self.text)

    def save(self, path: str | Path | None = None) -> Path:
        """Download the file; one that is there is replaced when the download is complete.

        Args:
            path: A file, or a folder that exists; the working directory by default.

        Returns:
            Where the file is.
        """
        target = Path("." if path is None else path)
        if target.is_dir():
            target = target / _safe(self.name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with _replacing(target) as file:
            self._connection.download(self.href, file)
        return target

    def to_pandas(self, **options: Any) -> pandas.DataFrame:
        """Read a table: CSV, JSON, JSON lines or Parquet.

        Of CSV the identifiers, ``ID`` and ``href``, stay texts, also ``001`` and ``NA``.

        Args:
            options: For the function of pandas that reads the file.
        """
        import pandas

        if self._is("csv"):
            options.setdefault("dtype", dict.fromkeys(_IDENTIFIERS, str))
            if not options.keys() & {
                "na_values",
                "keep_default_na",
                "na_filter",
                "engine",
            }:
                head = {**options, "nrows": 0, "chunksize": None, "iterator": False}
                names = pandas.read_csv(io.BytesIO(self.content), **head).columns
                others = [name for name in names if name not in _IDENTIFIERS]
                options["na_values"] = dict.fromkeys(others, _MISSING)
                options["keep_default_na"] = False
            return pandas.read_csv(io.BytesIO(self.content), **options)
        if self._is("parquet"):
            return pandas.read_parquet(io.BytesIO(self.content), **options)
        if self._is("json"):
            rows = self.json()
            return pandas.DataFrame([rows] if isinstance(rows, dict) else rows, **options)
        raise ClientError(f"{self.name} is no table: its type is {self.content_type}")

    def _is(self, *kinds: str) -> bool:
        content_type = self.content_type.partition(";")[0].strip().lower()
        return any(kind in content_type for kind in kinds)


AnyOutput = TypeVar("AnyOutput", bound=Output)


class Outputs(Sequence[AnyOutput]):
    """The files of a task, by number or by name, with or without its ending."""

    def __init__(self, outputs: Sequence[AnyOutput]) -> None:
        self._outputs = list(outputs)

    def __repr__(self) -> str:
        return f"<Outputs {', '.join(self.names)}>"

    def __len__(self) -> int:
        return len(self._outputs)

    def __iter__(self) -> Iterator[AnyOutput]:
        return iter(self._outputs)

    def __contains__(self, key: object) -> bool:
        return any(key in (each, each.name, _stem(each)) for each in self._outputs)

    @overload
    def __getitem__(self, key: int | str) -> AnyOutput: ...

    @overload
    def __getitem__(self, key: slice) -> Outputs[AnyOutput]: ...

    def __getitem__(self, key: int | str | slice) -> AnyOutput | Outputs[AnyOutput]:
        if isinstance(key, slice):
            return Outputs(self._outputs[key])
        if isinstance(key, int):
            return self._outputs[key]
        for name_of in (lambda each: each.name, _stem):
            found = [each for each in self._outputs if name_of(each) == key]
            if len(found) == 1:
                return found[0]
            if found:
                raise KeyError(
                    f"{len(found)} outputs have the name {key!r}; use a number"
                )
        raise KeyError(f"there is no output {key!r} among {self.names}")

    @property
    def names(self) -> list[str]:
        """The names of the files."""
        return [each.name for each in self._outputs]

    def save(self, folder: str | Path) -> list[Path]:
        """Download all files into a folder, which is made when it is missing.

        Returns:
            Where they are, in this order. Of files with the same name, all but the first get
            a number.
        """
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        taken: list[Path] = []
        for output in self._outputs:
            number = 1
            while (path := target / _safe(output.name, number)) in taken:
                number += 1
            taken.append(output.save(path))
        return taken


def _stem(output: Output) -> str:
    return str(PurePosixPath(output.name).with_suffix("")) if output.name else ""


def _safe(name: str, number: int = 1) -> str:
    """Return the last part of a name, with a number unless it is the first of that name.

    A name that would lead elsewhere is replaced, one that is too long for file systems is cut.
    """
    last = PurePosixPath(name.replace("\\", "/")).name
    stem, suffix = os.path.splitext(last if last not in ("", "..") else "output")
    ending = _cut(suffix if number == 1 else f"-{number}{suffix}", _LONGEST_ENDING)
    return _cut(stem, _LONGEST_NAME - len(ending.encode())) + ending


def _cut(text: str, length: int) -> str:
    return text.encode("utf-8", "ignore")[:length].decode("utf-8", "ignore")


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of another one when it is complete."""
    target = Path(os.path.realpath(path))  # a link stays a link
    if target.exists() and not target.is_file():
        raise ClientError(f"{path} is not a file that can be replaced")
    part = target.with_name(f".{uuid4().hex}.part")
    try:
        with part.open("xb") as file:
            yield file
        if target.exists():
            shutil.copymode(target, part)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
