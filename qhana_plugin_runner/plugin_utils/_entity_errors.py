"""What can be wrong with an entity file or with entities."""

from json import JSONDecodeError
from typing import Any

from qhana_plugin_runner.errors import RunnerError


class EntityError(RunnerError, ValueError):
    """Entities cannot be read, converted or written; the text says which and why."""

    http_status = 422


class EntityMimetypeError(EntityError):
    """Entities do not travel in files of this mime type."""


class EntityEncodingError(EntityError):
    """The file is not in the charset that it is declared to be in."""


class EntitySyntaxError(EntityError):
    """The file is broken; the text says in which place."""


class EntityJsonError(EntitySyntaxError, JSONDecodeError):
    """A JSON file is broken.

    Attributes:
        doc: the line that is broken; empty in files of one document, of which only a part
            is in memory.
        pos: the place in ``doc``, or in the file when it is empty, counted from 0.
    """

    def __init__(self, message: str, doc: str = "", pos: int = 0) -> None:
        JSONDecodeError.__init__(self, message, doc, pos)
        # the text says in its own words where it is
        self.args = (message,)

    def __reduce__(self) -> Any:
        return type(self), (str(self), self.doc, self.pos)


class EntityRowError(EntitySyntaxError):
    """A row of a CSV file has more or fewer values than the table has columns.

    Attributes:
        row: number of the row, counted from 1 without the header.
        line: number of the line in the file where the row ends, counted from 1.
        expected: number of columns.
        found: number of values in the row.
    """

    def __init__(
        self,
        message: str,
        *,
        row: int = 0,
        line: int = 0,
        expected: int = 0,
        found: int = 0,
    ) -> None:
        # the message alone must do: that is all that travels with the result of a task
        super().__init__(message)
        self.row = row
        self.line = line
        self.expected = expected
        self.found = found
