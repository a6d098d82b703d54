"""Files that the runner keeps, so that plugins can read them by their URL."""

from __future__ import annotations

from .connection import Connection
from .form import DataInput
from .multipart import FileInput, file_name, multipart
from .outputs import Output


def upload(
    connection: Connection,
    file: FileInput,
    data_type: str,
    content_type: str | None = None,
) -> Output:
    """Upload a file.

    Args:
        connection: To the runner.
        file: The path, or an open file, which is read from its beginning.
        data_type: What the file holds.
        content_type: The mime type; guessed by the name of the file when it is left out.
    """
    fields = [("dataType", data_type)]
    if content_type:
        fields.append(("contentType", content_type))
    with multipart(fields, [("file", file)]) as body:
        return Output(connection, connection.post("files/", body).json())


def upload_input(connection: Connection, file: FileInput, kind: DataInput) -> str:
    """Upload a file for an input, and return its URL.

    A file without a name is of the type that the input takes, if there is only one.
    """
    content_type, *others = kind.content_types or ("*",)
    is_clear = not others and "*" not in content_type and file_name(file) is None
    kept = upload(connection, file, kind.data_type, content_type if is_clear else None)
    return kept.href
