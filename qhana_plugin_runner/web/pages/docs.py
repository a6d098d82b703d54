"""Pages that show the API, with all their files served from here.

RapiDoc, Redoc and Swagger UI come in wheels; the pages around them are the runner's own,
because those of the wheels have inline scripts.
"""

import re
from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    render_template,
    request,
    send_file,
    send_from_directory,
    url_for,
)

from ...api.openapi import api_path
from ...security.headers import DOCS_POLICY, use_policy
from ...util.package_files import PLOTLY, plotly_file, plotly_version

MAX_AGE = 31_536_000
"""Seconds that browsers cache files of a viewer, a year: the version is in their URLs."""

REDOC_SCRIPT = "js/redoc.standalone.js"
REDOC_LOGO = re.compile(rb"https://cdn\.redoc\.ly/redoc/[\w-]+\.svg")


@dataclass(frozen=True)
class Viewer:
    """A viewer of the API.

    Attributes:
        name: The name of its endpoint, its template and its setting.
        title: For people.
        folder: The folder of its files, which names its package, too.
    """

    name: str
    title: str
    folder: str

    @property
    def version(self) -> str:
        return version(f"flask_openapi_{self.folder}")

    @property
    def files(self) -> Path:
        """The folder with its files."""
        package = import_module(f"flask_openapi_{self.folder}")
        return Path(str(package.__file__)).parent / "templates" / self.folder


VIEWERS = {
    "rapidoc": Viewer("rapidoc", "RapiDoc", "rapidoc"),
    "redoc": Viewer("redoc", "Redoc", "redoc"),
    "swagger_ui": Viewer("swagger_ui", "Swagger UI", "swagger"),
}


def _page(viewer: Viewer) -> str:
    def asset(path: str) -> str:
        return url_for("docs.asset", name=viewer.name, version=viewer.version, path=path)

    use_policy(DOCS_POLICY)
    return render_template(
        f"runner/{viewer.name}.html",
        title=current_app.config["API_TITLE"],
        viewer=viewer,
        asset=asset,
        spec_url=url_for("api-docs.openapi_json"),
    )


def _asset(name: str, version: str, path: str) -> Response:
    """Serve a file of a viewer."""
    viewer = VIEWERS.get(name)
    if viewer is None or version != viewer.version:
        abort(404)
    if name == "redoc" and path == REDOC_SCRIPT:
        response = Response(_redoc_script(), mimetype="text/javascript")
        response.add_etag()
        response.make_conditional(request)
    else:
        response = send_from_directory(viewer.files, path)
    return _cached_for_good(response)


def _package_file(version: str, name: str) -> Response:
    """Serve a script of a package."""
    try:
        if name != PLOTLY or version != plotly_version():
            abort(404)
        return _cached_for_good(send_file(plotly_file()))
    except ModuleNotFoundError:  # that of metadata, too
        abort(404)


def _cached_for_good(response: Response) -> Response:
    """Let browsers keep a file whose URL tells its version."""
    response.cache_control.no_cache = None
    response.cache_control.max_age = MAX_AGE
    response.cache_control.public = True
    response.cache_control.immutable = True
    return response


@lru_cache(maxsize=1)
def _redoc_script() -> bytes:
    """Return Redoc, showing the logo in the wheel in place of the one on its maker's host."""
    files = VIEWERS["redoc"].files
    logo = b64encode((files / "images" / "redoc.svg").read_bytes())
    return REDOC_LOGO.sub(
        b"data:image/svg+xml;base64," + logo, (files / REDOC_SCRIPT).read_bytes()
    )


def _paths(app: Flask) -> dict[str, str]:
    """Return the path of each page that is wanted by the name of its viewer."""
    if None in (app.config["OPENAPI_URL_PREFIX"], app.config["OPENAPI_JSON_PATH"]):
        return {}
    paths = {name: app.config[f"OPENAPI_{name.upper()}_PATH"] for name in VIEWERS}
    return {
        name: api_path(app, f"/{path.strip('/')}/".replace("//", "/"))
        for name, path in paths.items()
        if path
    }


def register_docs(app: Flask) -> None:
    """Mount the pages under the paths of the settings."""
    blueprint = Blueprint("docs", __name__)
    for name, path in _paths(app).items():
        blueprint.add_url_rule(
            path, endpoint=name, view_func=lambda viewer=VIEWERS[name]: _page(viewer)
        )
    blueprint.add_url_rule(
        "/docs-assets/<name>/<version>/<path:path>", endpoint="asset", view_func=_asset
    )
    blueprint.add_url_rule(
        "/package-files/<version>/<name>",
        endpoint="package_file",
        view_func=_package_file,
    )
    app.register_blueprint(blueprint)


def docs_links() -> list[tuple[str, str]]:
    """Return title and URL of each page that shows the API."""
    return [
        (viewer.title, url_for(f"docs.{name}"))
        for name, viewer in VIEWERS.items()
        if f"docs.{name}" in current_app.view_functions
    ]
