"""Scripts of packages, under URLs that tell their version."""

from flask import Blueprint, Response, abort, send_file

from ...util.package_files import PACKAGE_FILES
from .docs import cached_for_good

PACKAGE_FILE_ROUTES = Blueprint("package-files", __name__)


@PACKAGE_FILE_ROUTES.route("/package-files/<version>/<name>")
def file(version: str, name: str) -> Response:
    """Serve a file."""
    found = PACKAGE_FILES.get(name)
    try:
        if found is None or version != found.version:
            abort(404)
        return cached_for_good(send_file(found.path))
    except ModuleNotFoundError:  # that of metadata, too
        abort(404)
