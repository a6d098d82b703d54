"""Makes a file of the web available to other plugins."""

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from requests import Response

from qhana_plugin_runner.authoring import Field, Output, PluginType, Task, plugin
from qhana_plugin_runner.requests import (
    body_stream,
    full_name,
    open_url,
    retrieve_data_type,
    typed_as,
)
from qhana_plugin_runner.util.content_types import ANYTHING, CONTENT_TYPE

DATA_TYPE = r"\*|[\w.+*-]{1,100}/[\w.+*-]{1,100}"

CHUNK = 256 * 1024


def check_url(url: str) -> None:
    """Refuse what is no URL of the web.

    Raises:
        ValueError: it says what is wrong.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("Enter a URL that begins with http:// or https://.")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "Leave user and password out: all who see the task would see them."
        )


@plugin(
    version="v1.0.0",
    title="URL import",
    type=PluginType.dataloader,
    tags=["data-loading"],
    outputs={"file": Output("*", required=False)},
)
def url_import(
    task: Task,
    url: Annotated[str, Field(label="URL", input_type="url", check=check_url)],
    data_type: Annotated[
        str,
        Field(
            pattern=f"({DATA_TYPE})?",
            input_type="text_with_datalist",
            metadata={"datalist": ["entity/list", "entity/attribute-metadata", "*"]},
        ),
    ] = "",
    content_type: Annotated[str, Field(pattern=f"({CONTENT_TYPE})?")] = "",
) -> None:
    """Copies a file from the web, so that other plugins can use it even if the original disappears.

    With `https://example.org/data/penguins.csv` and the data type `entity/list`, you get the
    file `penguins.csv` for all plugins that accept entities. A spreadsheet that is published as CSV,
    or a result of another runner, also works. The operator of this runner determines what may be
    fetched and how large it may be.

    Args:
        url: The URL of the file.
        data_type: What the file contains, such as `entity/list`. The default is what the server
            says, or `*` for anything.
        content_type: Its MIME type, such as `text/csv`. The default is what the server says,
            or what the name of the file indicates.
    """
    with open_url(url, stream=True) as response:
        name = full_name(response) or "file"
        copy = task.folder / "copy"
        count = _copy(response, copy, task)
        content_type = content_type or typed_as(response, _declared(response)) or ANYTHING
        said = retrieve_data_type(response) or ""
    if not data_type:
        data_type = said if re.fullmatch(DATA_TYPE, said, re.ASCII) else "*"
    with copy.open("rb") as file:
        task.save(name, file, data_type=data_type, content_type=content_type)
    task.log(f"Copied {name}: {count} bytes, {content_type}, data type {data_type}.")


def _declared(response: Response) -> str | None:
    return response.headers.get("Content-Type")


def _copy(response: Response, target: Path, task: Task) -> int:
    """Copy a body to a file; return the number of bytes."""
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isdecimal() else 0
    count = 0
    with body_stream(response) as body, target.open("wb") as file:
        while chunk := body.read(CHUNK):
            count += file.write(chunk)
            fetched = response.raw.tell()  # as it is sent: compressed, perhaps
            task.set_progress(fetched, target=max(total, fetched), unit="bytes")
    return count
