"""Writes entities in another format."""

from collections.abc import Iterable, Iterator, Mapping
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

from qhana_plugin_runner.authoring import (
    Entities,
    Field,
    Output,
    PluginType,
    Task,
    plugin,
)
from qhana_plugin_runner.plugin_utils.attributes import (
    AttributeMetadata,
    dict_deserializer,
    dict_serializer,
    parse_attribute_metadata,
)
from qhana_plugin_runner.util import strict_json

Row = dict[str, Any]

PARQUET = "pyarrow >=20"
"""What Parquet needs, of all formats; the plugin itself needs nothing."""

FILES = {
    "CSV": "entities.csv",
    "JSON": "entities.json",
    "JSON lines": "entities.jsonl",
    "Parquet": "entities.parquet",
}

ROWS_AT_ONCE = 20_000
"""Entities of a row group of a Parquet file, which is in memory as a whole."""


def require_package(to: str) -> None:
    if to == "Parquet" and find_spec("pyarrow") is None:
        raise ValueError(
            f"Parquet needs {PARQUET}, which is not installed here: "
            "`qhana-plugin-runner plugin install learning` installs it."
        )


@plugin(
    version="v1.0.0",
    type=PluginType.conversion,
    tags=["shaping", "conversion"],
    outputs={
        "entities.csv": Output("entity/list", "text/csv", required=False),
        "entities.json": Output("entity/list", "application/json", required=False),
        "entities.jsonl": Output(
            "entity/list", "application/X-lines+json", required=False
        ),
        "entities.parquet": Output(
            "entity/list", "application/vnd.apache.parquet", required=False
        ),
    },
)
def entity_convert(
    task: Task,
    entities: Annotated[
        Entities,
        Field(
            data_type="entity/*",
            content_types=[
                "text/csv",
                "application/json",
                "application/X-lines+json",
                "application/vnd.apache.parquet",
            ],
        ),
    ],
    to: Annotated[
        Literal["CSV", "JSON", "JSON lines", "Parquet"], Field(check=require_package)
    ] = "CSV",
    metadata: (
        Annotated[
            Entities,
            Field(data_type="entity/attribute-metadata", label="Attribute metadata"),
        ]
        | None
    ) = None,
):
    """Writes entities in another format: CSV, JSON, JSON lines, or Parquet.

    | ID | size |
    | --- | --- |
    | a | 3 |

    becomes, as JSON lines, with metadata that says that `size` is an integer, `{"ID": "a", "size": 3}`.
    Without metadata, it is `{"ID": "a", "size": "3"}`, because a CSV file contains only text.

    Lists and nested values are JSON texts in CSV and Parquet. With metadata, the lists of
    an attribute with several values are written with its separator.

    Args:
        entities: The entities to convert. Parquet files can be read if pyarrow is installed.
        to: The format to write. For Parquet, the file is read twice, to find the types.
        metadata: The types of the attributes; the plugin `csv-import` creates such a file.
    """
    described = parse_attribute_metadata(metadata) if metadata is not None else {}
    typed = Typed(
        task, entities, described, is_flat=to in ("CSV", "Parquet"), is_text=to == "CSV"
    )
    name = FILES[to]
    if to != "Parquet":
        return {name: iter(typed)}
    return {name: write_parquet(typed, task.folder / name)}


class Typed:
    """Entities whose values have the types that are described; each iteration starts anew."""

    def __init__(
        self,
        task: Task,
        entities: Iterable[Row],
        described: Mapping[str, AttributeMetadata],
        is_flat: bool,
        is_text: bool,
    ) -> None:
        self._task, self._entities = task, entities
        self._read = dict_deserializer(described, described)
        self._write = dict_serializer(
            [name for name, each in described.items() if each.multiple and is_text],
            described,
        )
        self._is_flat = is_flat

    def __iter__(self) -> Iterator[Row]:
        for row in self._task.track(self._entities, unit="entities"):
            row = self._write(self._read(dict(row)))
            for name, value in row.items():
                if isinstance(value, set):
                    row[name] = value = sorted(value)
                if self._is_flat and isinstance(value, (list, dict)):
                    row[name] = strict_json.dumps(value)
            yield row


def write_parquet(entities: Iterable[Row], path: Path) -> Path:
    """Write entities to a Parquet file, in parts, and return its path.

    The type of a column is that of all its values, and else text; integers are numbers with a
    point where others are, unless these would not hold all their digits.
    """
    import pyarrow
    from pyarrow import parquet

    types: dict[str, set[type]] = {}
    long: set[str] = set()
    for row in entities:
        for name, value in row.items():
            is_large = type(value) is int and not -(2**63) <= value < 2**63
            types.setdefault(name, set()).add(str if is_large else type(value))
            if type(value) is int and not -(2**53) <= value <= 2**53:
                long.add(name)
    kinds = {
        name: _kind(found - {type(None)}, name in long) for name, found in types.items()
    }
    arrow = {
        bool: pyarrow.bool_(),
        int: pyarrow.int64(),
        float: pyarrow.float64(),
        str: pyarrow.string(),
    }
    schema = pyarrow.schema([(name, arrow[kind]) for name, kind in kinds.items()])
    with parquet.ParquetWriter(path, schema) as file:
        rows = iter(entities)
        while part := list(islice(rows, ROWS_AT_ONCE)):
            columns = [
                [
                    None if (value := row.get(name)) is None else kind(value)
                    for row in part
                ]
                for name, kind in kinds.items()
            ]
            file.write_table(pyarrow.table(columns, schema=schema))
    return path


def _kind(types: set[type], is_long: bool) -> type:
    if types == {int, float} and not is_long:
        return float
    return types.pop() if len(types) == 1 else str
