"""Entities in Parquet files, where the package pyarrow is."""

from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from shutil import copyfileobj
from tempfile import TemporaryFile
from typing import IO, Any

from qhana_plugin_runner.plugin_utils._entity_errors import (
    EntityMimetypeError,
    EntitySyntaxError,
)

__all__ = ["read_parquet"]

_ROWS_AT_ONCE = 4096


def read_parquet(stream: IO[bytes]) -> Iterator[dict[str, Any]]:
    """Read a Parquet file, some rows at a time.

    Dates and times become texts, decimal numbers floats.

    Args:
        stream: the file; a copy of it is kept on disk, as its description is at its end.

    Raises:
        EntityMimetypeError: pyarrow is not installed.
        EntitySyntaxError: the file is broken.
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
            for batch in file.iter_batches(_ROWS_AT_ONCE):
                names = batch.schema.names
                columns = [[*map(_plain, column.to_pylist())] for column in batch.columns]
                for row in zip(*columns):
                    yield dict(zip(names, row))
        except (ArrowException, OSError, ValueError) as error:
            raise EntitySyntaxError(f"The Parquet file is broken: {error}.") from error


def _plain(value: Any) -> Any:
    if isinstance(value, (date, time)):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value
