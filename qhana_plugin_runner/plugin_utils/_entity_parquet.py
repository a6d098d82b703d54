"""Entities in Parquet files, where the package pyarrow is."""

from collections.abc import Iterator
from datetime import date, time, timedelta
from decimal import Decimal
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, Any

from qhana_plugin_runner.plugin_utils._entity_errors import (
    EntityMimetypeError,
    EntitySyntaxError,
)

_ROWS_AT_ONCE = 4096

_JSON_TYPES = {str, int, float, bool, type(None)}


def read_parquet(stream: IO[bytes]) -> Iterator[dict[str, Any]]:
    """Read a Parquet file, some rows at a time.

    Dates and times become texts, durations seconds, and bytes hexadecimal digits. Decimal numbers
    become integers where they have no places, floats where these hold all digits, and else texts.

    Args:
        stream: the file; a copy of it is kept on disk, as its description is at its end.

    Raises:
        EntityMimetypeError: pyarrow is not installed.
        EntitySyntaxError: the file is broken, or two of its columns have the same name.
    """
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise EntityMimetypeError(
            "Parquet files are read with the package pyarrow, which is not installed here: "
            "`qhana-plugin-runner plugin install learning` installs it."
        ) from None
    with TemporaryFile() as copy:
        copyfileobj(stream, copy)
        try:
            file = parquet.ParquetFile(copy)
            names = file.schema_arrow.names
            if len(set(names)) < len(names):
                name = next(each for each in names if names.count(each) > 1)
                raise EntitySyntaxError(
                    f"The Parquet file has several columns {name!r:.99}: rename them."
                )
            for batch in file.iter_batches(_ROWS_AT_ONCE):
                columns = [[*map(_plain, _values(column))] for column in batch.columns]
                for row in zip(*columns):
                    yield dict(zip(names, row))
        except (ArrowException, OSError, ValueError) as error:
            raise EntitySyntaxError(f"The Parquet file is broken: {error}.") from error


def _values(column: Any) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
    except ValueError:  # nanoseconds, for which pyarrow needs pandas
        texts = column.cast("string").to_pylist()
        values = [text and text.replace(" ", "T", 1) for text in texts]
    return values


def _plain(value: Any) -> Any:
    if type(value) in _JSON_TYPES:
        return value
    match value:
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return _number(value)
        case bytes():
            return value.hex()
        case list() | tuple():
            return [_plain(each) for each in value]
        case dict():
            return {name: _plain(each) for name, each in value.items()}
    return value


def _number(value: Decimal) -> int | float | str:
    if value.as_tuple().exponent == 0:
        return int(value)
    number = float(value)
    return number if Decimal(repr(number)) == value else format(value, "f")
