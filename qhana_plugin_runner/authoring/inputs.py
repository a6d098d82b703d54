"""What a function gets for what the form has sent."""

import mimetypes
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..plugin_utils.entity_marshalling import ensure_dict, load_entities
from ..requests import get_mimetype, open_url, open_url_as_file_like
from ..security.secrets import reveal
from ..util.content_types import media_type, safe_name
from .annotations import Kind
from .parameters import Parameter
from .task import Task


def arguments_of(
    parameters: Iterable[Parameter], values: Mapping[str, Any], task: Task
) -> dict[str, Any]:
    """Return the arguments of a function for the values that its form has sent."""
    return {
        each.name: (
            task if each.field is None else _received(each, values[each.name], task)
        )
        for each in parameters
    }


def _received(parameter: Parameter, value: Any, task: Task) -> Any:
    convert = _CONVERT.get(parameter.kind)
    if convert is None or value is None:
        return value
    if isinstance(value, list):
        return [convert(each, task) for each in value]
    return convert(value, task)


class EntityFile:
    """The entities of a file, which is fetched anew each time that they are iterated over."""

    def __init__(self, url: str) -> None:
        self.url = url

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with open_url(self.url, stream=True) as response:
            yield from ensure_dict(load_entities(response, get_mimetype(response)))

    def __repr__(self) -> str:
        return f"EntityFile({self.url[:80]!r})"


class FetchedFile(type(Path())):  # type: ignore[misc]  # of this system
    """The path of a copy of a file.

    Attributes:
        url: where it was fetched from.
    """

    url = ""


def _fetch(url: str, task: Task) -> Path:
    """Copy a file into the folder of the task, under a name that tells its type."""
    with open_url_as_file_like(url, stream=True) as (name, file, content_type):
        name = safe_name(Path(name).name)
        if not Path(name).suffix:
            name += mimetypes.guess_extension(media_type(content_type)) or ""
        path = task.folder / name
        number = 1
        while path.exists():  # of another parameter
            number += 1
            path = task.folder / f"{number}-{name}"
        with path.open("wb") as copy:
            shutil.copyfileobj(file, copy)
    fetched = FetchedFile(path)
    fetched.url = url
    return fetched


_CONVERT: dict[Kind | None, Any] = {
    Kind.ENTITIES: lambda url, _task: EntityFile(url),
    Kind.FILE: _fetch,
    Kind.SECRET: lambda reference, task: reveal(reference, task.id),
}
