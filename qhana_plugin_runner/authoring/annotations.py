"""What an author writes into the annotations of a function, and into ``outputs``."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, auto
from pathlib import Path
from typing import Annotated, Any, TypeAlias


class Kind(Enum):
    """Parameters that take more than their Python type says."""

    ENTITIES = auto()
    FILE = auto()
    PLUGIN_URL = auto()
    SECRET = auto()


Entities: TypeAlias = Annotated[Iterable[dict[str, Any]], Kind.ENTITIES]
"""Entities, from a file that the user chooses: dictionaries, fetched while they are iterated over.

Each iteration starts anew. The values of a CSV file are texts. A direct call takes any iterable,
such as a list of dictionaries.
"""

File: TypeAlias = Annotated[Path, Kind.FILE]
"""A file that the user chooses: the path of a copy in the folder of the task."""

PluginUrl: TypeAlias = Annotated[str, Kind.PLUGIN_URL]
"""The URL of a plugin that the user chooses.

Which ones are offered: ``Field(metadata={"plugin_tags": [...]})``, ``plugin_name``,
``plugin_version``.
"""

Secret: TypeAlias = Annotated[str, Kind.SECRET]
"""A password or token that the user types in: stored encrypted, until the task has ended."""


@dataclass(frozen=True, kw_only=True, eq=False)  # `| None` needs a hash, lists have none
class Field:
    """How the form shows a parameter, and what it accepts; only inside of ``Annotated``.

    As in ``clusters: Annotated[int, Field(ge=1, le=100)] = 3``.

    Args:
        label: a few words; by default made from the name of the parameter.
        description: Markdown; by default what the docstring says about the parameter.
        ge: the smallest value of a number or date.
        gt: what a number or date has to be greater than.
        le: the largest value.
        lt: what it has to be less than.
        min_length: the smallest number of characters of a text, or of elements of a list.
        max_length: the largest number.
        pattern: a regular expression that the whole text has to match.
        check: a function of the value that raises a ``ValueError`` when it is refused; the text is
            shown at the input.
        input_type: such as ``textarea``; see the form kit.
        data_type: for files and entities: the data type that is wanted, such as ``entity/list``,
            or several.
        content_types: for files and entities: the mime types that are understood.
        attributes_of: for texts and lists of texts that name attributes: the parameter with the
            entities whose attributes the input suggests.
        metadata: more metadata of the marshmallow field, such as ``step`` or ``datalist``.
    """

    label: str | None = None
    description: str | None = None
    ge: float | date | None = None
    gt: float | date | None = None
    le: float | date | None = None
    lt: float | date | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    check: Callable[[Any], object] | None = None
    input_type: str | None = None
    data_type: str | Sequence[str] | None = None
    content_types: Sequence[str] = ()
    attributes_of: str | None = None
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Output:
    """A kind of data that a plugin produces.

    Args:
        data_type: such as ``entity/list``.
        content_type: the mime type; by default that of what the function returns, which is JSON for
            entities.
        required: whether every successful task has this output.
    """

    data_type: str
    content_type: str | None = None
    required: bool = field(default=True, kw_only=True)
