"""Downloads of the files in the local store."""

import re
from hmac import compare_digest
from typing import Any

import marshmallow as ma
from flask import Response, send_file
from flask.views import MethodView
from flask_babel import gettext as _
from flask_smorest import abort

from ..db.models.tasks import TaskFile
from ..storage import STORE, LocalFileStore, StorageError, UnknownFileStore, shown_name
from .tasks import row_id
from .util import MaBaseSchema, SecurityBlueprint

__all__ = ["FILES_API", "FileView"]

FOREIGN_CONTENT = {
    # Browsers must not find HTML in what is declared to be something else.
    "X-Content-Type-Options": "nosniff",
    # Reports may run scripts, but not as if they were pages of the runner.
    "Content-Security-Policy": "sandbox allow-scripts",
}
"""Headers of downloads: plugins and users made the files, and they come from our origin."""

MIME_TYPE = re.compile(r"[\w.+*-]+/[\w.+*-]+(\s*;[ -~]*)?", re.ASCII)

FILES_API = SecurityBlueprint(
    "files-api", __name__, url_prefix="/files", description="The files that tasks made."
)


class FileQuerySchema(MaBaseSchema):
    file_id = ma.fields.String(
        required=True,
        data_key="file-id",
        metadata={"description": "The security tag of the file."},
    )

    class Meta:
        unknown = ma.EXCLUDE


@FILES_API.route("/<string:file_id>/")
class FileView(MethodView):
    """One file."""

    @FILES_API.arguments(FileQuerySchema(), location="query")
    @FILES_API.response(200, content_type="application/octet-stream")
    def get(self, query: dict[str, Any], file_id: str) -> Response:
        """Download a file, under its name and with its mime type."""
        number = row_id(file_id)
        file = None if number is None else TaskFile.get_by_id(number)
        if file is None or not compare_digest(
            file.security_tag.encode(), query["file_id"].encode("utf-8", "replace")
        ):
            abort(404, message=_("There is no such file."))
        try:
            store = STORE[file.storage_provider]
        except UnknownFileStore:
            abort(404, message=_("The store that keeps this file is not installed here."))
        if not isinstance(store, LocalFileStore):
            abort(404, message=_("This file is kept elsewhere."))
        try:
            path = store.path_of(file.file_storage_data)
        except StorageError:
            abort(404, message=_("This file is not there any more."))
        response = send_file(
            path,
            download_name=shown_name(file.file_name),
            mimetype="text/plain",
            conditional=True,
        )
        response.content_type = content_type(file.mimetype)
        response.headers.update(FOREIGN_CONTENT)
        return response


def content_type(mimetype: str | None) -> str:
    """Return the header for a mime type; texts without a charset are UTF-8."""
    if mimetype is None or not MIME_TYPE.fullmatch(mimetype):
        return "application/octet-stream"
    if mimetype.startswith("text/") and "charset=" not in mimetype:
        return f"{mimetype}; charset=utf-8"
    return mimetype
