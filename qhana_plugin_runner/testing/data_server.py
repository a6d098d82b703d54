"""A web server on loopback with the files that a plugin is to read."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from ..plugin_utils.entity_marshalling import save_entities
from ..util.content_types import ANYTHING, content_type_of


class DataServer:
    """Serves what was put on it.

    Attributes:
        url: where it listens; ends with ``/``
        requests: the paths that were fetched, in their order
    """

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[str] = []
        self._files: dict[str, tuple[bytes | Path, str]] = {}

    def put(
        self,
        content: str | bytes | Path | list[dict[str, Any]],
        name: str | None = None,
        content_type: str | None = None,
    ) -> str:
        """Serve a file and return its URL.

        Args:
            content: text, bytes, the path of a file, or entities, which are served as CSV or
                JSON, whichever the name ends with
            name: the file's name (default: that of the path, or ``entities.json``)
            content_type: its mime type (default: what its name tells)
        """
        if name is None:
            name = content.name if isinstance(content, Path) else "entities.json"
        content_type = content_type_of(content_type, name) or ANYTHING
        if isinstance(content, list):
            content = _as_text(content, content_type)
        if isinstance(content, str):
            content = content.encode("utf-8")
        path = f"{len(self._files)}/{name}"
        self._files[path] = (content, content_type)
        return self.url + quote(path)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        path = unquote(request.path).lstrip("/")
        self.requests.append(path)
        if path not in self._files:
            return Response("There is no such file.", 404)(environ, start_response)
        content, content_type = self._files[path]
        body = content.read_bytes() if isinstance(content, Path) else content
        response = Response(body, content_type=content_type)
        name = path.partition("/")[2]
        response.headers.set("Content-Disposition", "attachment", filename=name)
        return response(environ, start_response)


def _as_text(entities: list[dict[str, Any]], content_type: str) -> str:
    from io import StringIO

    text = StringIO()
    columns = list(dict.fromkeys(key for entity in entities for key in entity))
    save_entities(entities, text, content_type, attributes=columns)
    return text.getvalue()


@contextmanager
def serving_data() -> Iterator[DataServer]:
    """Serve files from a thread until the block ends."""
    data = DataServer()
    server = make_server("127.0.0.1", 0, data, threaded=True)
    data.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield data
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
