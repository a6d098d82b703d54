"""Downloads of the files in the local store."""

from hmac import compare_digest
from typing import Any

import marshmallow as ma
from flask import Response, send_file
from flask.views import MethodView
from flask_smorest import abort

from ..db.models.tasks import TaskFile
from ..storage import STORE, LocalFileStore, StorageError
from .tasks import LARGEST_ID
from .util import MaBaseSchema, SecurityBlueprint

__all__ = ["FILES_API", "FileView"]

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
        number = int(file_id) if file_id.isascii() and file_id.isdigit() else 0
        file = TaskFile.get_by_id(number) if 0 < number <= LARGEST_ID else None
        if file is None or not compare_digest(
            file.security_tag.encode(), query["file_id"].encode("utf-8", "replace")
        ):
            abort(404, message="There is no such file.")
        store = STORE[file.storage_provider]
        if not isinstance(store, LocalFileStore):
            abort(404, message="This file is kept elsewhere.")
        try:
            path = store.path_of(file.file_storage_data)
        except StorageError:
            abort(404, message="This file is not there any more.")
        return send_file(
            path,
            mimetype=file.mimetype or "application/octet-stream",
            download_name=file.file_name,
            conditional=True,
        )
