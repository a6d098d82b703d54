"""The folders and environment variables that services are started with."""

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import load_dotenv

INSTANCE_VARIABLE = "QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER"


def project_folder() -> Path:
    """Return the working directory of all services.

    It is the checkout that the runner is started from, whatever the current folder is; or
    the current folder when the runner was installed as a package.
    """
    checkout = Path(__file__).resolve().parents[2]
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()


def load_environment(project: Path) -> None:
    """Load ``.env`` and ``.flaskenv`` like Flask does: what is set already stays.

    Relative paths in the variables that were set before are meant for the folder in which
    they were set, so they are made absolute first.
    """
    for name in ("PLUGIN_FOLDERS", "QHANA_PLUGIN_RUNNER_SETTINGS", INSTANCE_VARIABLE):
        if value := os.environ.get(name):
            paths = (os.path.abspath(path) for path in value.split(":") if path)
            os.environ[name] = ":".join(paths)
    load_dotenv(project / ".env")
    load_dotenv(project / ".flaskenv")


def instance_folder(given: Path | None, project: Path) -> Path:
    """Return the absolute path of the instance folder.

    Args:
        given: what was asked for; otherwise the environment says it, then the project
        project: relative paths of the environment start here
    """
    if given is not None:
        return given.resolve()
    return (project / (os.environ.get(INSTANCE_VARIABLE) or "instance")).resolve()


def service_environment(
    instance: Path, *, debug: bool, broker_url: str | None = None
) -> Mapping[str, str]:
    """Return the environment variables of all services.

    Args:
        instance: the instance folder
        debug: whether the runner works in debug mode; the variables that would switch it
            on otherwise are overruled, since ``.flaskenv`` sets them for development
        broker_url: the embedded broker, if there is one
    """
    environment = dict(os.environ)
    environment[INSTANCE_VARIABLE] = str(instance)
    environment["FLASK_DEBUG"] = "1" if debug else "0"
    environment["FLASK_ENV"] = "development" if debug else "production"
    # Lines are to be seen when they are written, although they go through a pipe.
    environment["PYTHONUNBUFFERED"] = "1"
    # It belongs to the launcher: services would notify the service manager in its name.
    environment.pop("NOTIFY_SOCKET", None)
    if broker_url is not None:
        environment["BROKER_URL"] = broker_url
        if not environment.get("RESULT_BACKEND"):
            environment["RESULT_BACKEND"] = broker_url
    return environment
