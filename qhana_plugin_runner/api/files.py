"""Downloads of the files that the runner keeps."""

import base64
import io
from collections.abc import Callable
from hmac import compare_digest
from typing import IO, Any, TypeVar

import marshmallow as ma
from flask import Response, current_app, redirect, request, send_file
from flask.views import MethodView
from flask_babel import gettext as _
from flask_smorest import abort
from werkzeug.wsgi import FileWrapper

from ..db.models.task_details import read_file
from ..storage import (
    CHUNK,
    STORE,
    MissingFile,
    ServedFileStore,
    StorageError,
    StoreNotConfigured,
    UnknownFileStore,
    content_type,
    shown_name,
)
from .tasks import row_id
from .util import MaBaseSchema, SecurityBlueprint

_Answer = TypeVar("_Answer")

FILES_API = SecurityBlueprint(
    "files-api",
    __name__,
    url_prefix="/files",
    description="Results of tasks, and uploads.",
)


class FileQuerySchema(MaBaseSchema):
    file_id = ma.fields.String(
        required=True,
        data_key="file-id",
        metadata={"description": "The security tag of the file."},
    )


@FILES_API.route("/<string:file_id>/")
class FileView(MethodView):
    """One file."""

    @FILES_API.arguments(FileQuerySchema(), location="query")
    @FILES_API.response(200, content_type="application/octet-stream")
    @FILES_API.alt_response(307, description="Redirects to where the file is stored.")
    def get(self, query: dict[str, Any], file_id: str) -> Any:
        """Download a file, under its name and with its mime type."""
        file = read_file(row_id(file_id) or 0)
        if file is None or not has_tag(file, query["file_id"]):
            abort(404, message=_("File not found."))
        store = store_of(file)
        # Such a URL is signed for one method, and works for some time only.
        if request.method == "GET" and (url := _ask(store.get_download_redirect, file)):
            answer = redirect(url, 307)
            answer.headers["Cache-Control"] = "no-store"
            return answer
        return send_from(store, file)


def has_tag(file: Any, tag: str) -> bool:
    """Tell whether a text is the security tag of a file, in constant time."""
    return compare_digest(file.security_tag.encode(), tag.encode("utf-8", "replace"))


def store_of(file: Any) -> ServedFileStore:
    """Return the store of a file that the runner can send; otherwise abort with 404 or 503."""
    try:
        store = STORE.serving(file)
    except (UnknownFileStore, StoreNotConfigured):
        abort(404, message=_("The file store of this file is not installed here."))
    except StorageError:  # logged where it was set up
        abort(503, message=_("The file store of this file is unreachable."))
    if store is None:
        abort(404, message=_("This file is stored elsewhere."))
    return store


def send_from(store: ServedFileStore, file: Any) -> Response:
    """Send the content of a file, or the requested part of it."""
    content = _ask(store.open, file)
    try:
        response = _response(file, content)
        if response.status_code == 412:
            abort(412, message=_("The file has changed (If-Match failed)."))
    except BaseException:
        content.close()  # else it is closed when it was sent
        raise
    return response


def _ask(question: Callable[[Any], _Answer], file: Any) -> _Answer:
    try:
        return question(file)
    except MissingFile:
        abort(404, message=_("This file no longer exists."))
    except StorageError as error:
        current_app.logger.error("%s", error)
        abort(503, message=_("The file store of this file is unreachable."))


def _response(file: Any, content: IO[bytes]) -> Response:
    size = content.seek(0, io.SEEK_END)
    content.seek(0)
    response = send_file(
        content,
        download_name=shown_name(file.file_name).rpartition("/")[2],
        mimetype="text/plain",
        conditional=False,  # that is done below, where the size is known
        etag=file.sha256 or f"{file.id}-{size}",
        last_modified=file.created_at,
    )
    response.content_length = size
    as_download(response, file.mimetype)
    if file.sha256:  # RFC 9530
        digest = base64.b64encode(bytes.fromhex(file.sha256)).decode("ascii")
        response.headers["Repr-Digest"] = f"sha-256=:{digest}:"
    response.headers["Accept-Ranges"] = "bytes"
    if part := _wanted_part(size):
        # Unlike those of some servers, this one can start in the middle.
        response.response = FileWrapper(content, CHUNK)
        wanted = {**request.environ, "HTTP_RANGE": part}
        response.make_conditional(wanted, accept_ranges=True, complete_length=size)
    else:
        response.make_conditional(request)
    return response


def as_download(response: Response, mimetype: str | None) -> Response:
    """Let browsers take a response for what it is declared to be, in an origin of its own.

    Args:
        response: with the bytes.
        mimetype: as it was declared, never guessed; unknown bytes stay bytes.
    """
    headers = response.headers
    headers["Content-Type"] = content_type(mimetype)
    # Browsers must not detect HTML in content of another declared type.
    headers["X-Content-Type-Options"] = "nosniff"
    # Reports may run scripts, but not with the rights of the runner's own pages.
    headers["Content-Security-Policy"] = "sandbox allow-scripts"
    return response


def _wanted_part(size: int) -> str | None:
    """Return the range of bytes to send; ``None`` means the whole file.

    Anything but a single byte range is ignored, as RFC 9110 (14.2) allows, unless it is
    unsatisfiable.
    """
    asked = request.range if request.method == "GET" else None
    if asked is None or asked.units != "bytes":
        return None
    # Of a file that is shorter, the last bytes are all that it has.
    begins = [
        max(begin + size, 0) if begin < 0 else begin for begin, _end in asked.ranges
    ]
    if all(begin >= size for begin in begins):
        return None if size == 0 else asked.to_header()
    if len(begins) > 1:
        return None
    end = asked.ranges[0][1]
    return f"bytes={begins[0]}-{'' if end is None else end - 1}"
