"""The one table of settings: what the runner can be told, of which type, with which default, and why.

Everything else about configuration is derived from this table: the defaults, the environment
variables that are read, the check at start and the reference page of the documentation.
"""

import json
import logging
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from ...errors import OperatorError
from .celery_config import CELERY_DEBUG_CONFIG, CELERY_PRODUCTION_CONFIG

MEBIBYTE = 1024 * 1024

PACKAGE = Path(__file__).resolve().parents[2]
"""The folder of the runner's package."""


class ConfigError(OperatorError):
    """A setting has a value that cannot be used; the message names setting, source and fix."""


def as_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value


def as_secret(value: Any) -> str | bytes:
    if not isinstance(value, (str, bytes)) or not value:
        raise ValueError("must be text or bytes and not empty")
    return value


def as_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = {"1": True, "true": True, "yes": True, "on": True}
    known |= {"0": False, "false": False, "no": False, "off": False, "": False}
    try:
        return known[str(value).strip().lower()]
    except KeyError:
        raise ValueError("must be true or false") from None


def as_count(value: Any) -> int:
    """A whole number that is not negative."""
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("must be a whole number, 0 or more")
    return value


def as_severity(value: Any) -> int | str:
    names = ("CRITICAL", "ERROR", "WARNING", "INFO", "DEBUG")
    # There are other names for some, such as WARN.
    if isinstance(value, str) and value.upper() in logging.getLevelNamesMapping():
        return value.upper()
    try:
        return as_count(value)
    except ValueError:
        raise ValueError(f"must be a number or one of {', '.join(names)}") from None


def as_mapping(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ValueError(f"must be a JSON object ({error})") from None
    if not isinstance(value, Mapping):
        raise ValueError("must be a mapping (a table in TOML, an object in JSON)")
    return dict(value)


def as_database_url(value: Any) -> str:
    """The only PostgreSQL driver here is psycopg 3; URLs that name its forerunner mean it."""
    url = as_text(value)
    try:
        driver = make_url(url).drivername
    except (ArgumentError, ValueError):
        raise ValueError(
            "must be a database URL like postgresql+psycopg://user:password@host/name"
        ) from None
    if driver in ("postgresql", "postgres", "postgresql+psycopg2"):
        return "postgresql+psycopg" + url.removeprefix(driver)
    return url


def as_paths(value: Any) -> list[str]:
    """A list of folders; one text holds several, separated by colons."""
    if isinstance(value, str):
        value = value.split(":")
    if not isinstance(value, (list, tuple)) or not all(isinstance(v, str) for v in value):
        raise ValueError("must be a list of folders, or one text separated by colons")
    return [folder for folder in value if folder]


def as_rewrite_rules(value: Any) -> list[tuple[re.Pattern[str], str]]:
    """Rules in order: a mapping pattern -> replacement, or a list of such pairs."""
    if isinstance(value, (list, tuple)):
        pairs = list(value)
    else:
        pairs = list(as_mapping(value).items())
    rules = []
    for pair in pairs:
        try:
            pattern, replacement = pair
            rules.append((re.compile(pattern), as_text(replacement)))
        except (re.error, TypeError, ValueError) as error:
            raise ValueError(
                f"has a rule that cannot be used, {pair!r}: {error}"
            ) from None
    return rules


def one_of(*choices: str) -> Callable[[Any], str]:
    def convert(value: Any) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {', '.join(choices)}")
        return str(value)

    convert.__name__ = "one of " + ", ".join(choices)
    return convert


_SHOWN_TO_NOBODY = (as_secret, as_database_url)
"""Values that these convert hold passwords: no message repeats them."""

SAME = object()
"""Stands for "as in production" among the defaults for debug mode."""


@dataclass(frozen=True)
class Setting:
    """One row of the table.

    Attributes:
        name: the key in ``app.config``.
        convert: turns a configured value (or the text of an environment variable) into the
            value that is used; raises ValueError saying what the value must be.
        default: the value in production; ``None`` means "not set".
        help: what it does, for the documentation.
        env: the environment variables that are read, the first one that is set wins.
        debug: the default in debug mode when it differs.
    """

    name: str
    convert: Callable[[Any], Any]
    default: Any
    help: str
    env: tuple[str, ...] = ()
    debug: Any = field(default=SAME)

    def default_for(self, debug: bool) -> Any:
        return deepcopy(self.default if self.debug is SAME or not debug else self.debug)

    def check(self, value: Any, source: str) -> Any:
        """Convert a configured value.

        Raises:
            ConfigError: the value cannot be used; names the setting and ``source``.
        """
        if value in (None, "") and self.default is None:
            return None
        try:
            return self.convert(value)
        except ValueError as error:
            shown = "" if self.convert in _SHOWN_TO_NOBODY else f", but is {value!r}"
            raise ConfigError(f"{self.name} ({source}) {error}{shown}") from None


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "SECRET_KEY",
        as_secret,
        None,
        "Signs tokens and cookies. The same on all hosts of one deployment. When it is not set, "
        "one is made at the first start and kept in the file `secret_key` of the instance folder.",
        env=("QHANA_SECRET_KEY",),
    ),
    Setting(
        "SERVER_NAME",
        as_text,
        None,
        "Host and port under which clients reach the runner (`qhana.example.org:8080`). Needed "
        "where absolute URLs are made outside of a request, as in tasks.",
        env=("SERVER_NAME",),
    ),
    Setting(
        "REVERSE_PROXY_COUNT",
        as_count,
        0,
        "How many reverse proxies in front of the runner set `X-Forwarded-*` headers. Only that "
        "many are believed.",
        env=("REVERSE_PROXY_COUNT",),
    ),
    Setting(
        "MAX_CONTENT_LENGTH",
        as_count,
        None,
        "The largest request body, in bytes; larger ones are answered with 413.",
    ),
    Setting(
        "MAX_FORM_MEMORY_SIZE",
        as_count,
        16 * MEBIBYTE,
        "The most that the text fields of one multipart form may take, in bytes. Flask's own "
        "500 kB are too little for the text areas of plugins that take data inline.",
    ),
    Setting(
        "PLUGIN_FOLDERS",
        as_paths,
        ["./plugins"],
        "Folders with plugins, relative to the working directory. A folder with an "
        "`__init__.py` is one plugin; otherwise each module and package in it is one. When "
        "nothing is set and there is no such folder, an installed runner serves the "
        "demonstration plugins that come with it.",
        env=("PLUGIN_FOLDERS",),
        debug=["./plugins", "./local_plugins"],
    ),
    Setting(
        "PLUGIN_COMPAT",
        as_bool,
        True,
        "Serve plugins written for marshmallow 3, Flask 2 and Werkzeug 2 by translating their "
        "habits. The environment variable is read before any plugin is imported.",
        env=("PLUGIN_COMPAT",),
    ),
    Setting(
        "PLUGIN_REGISTRY_URL",
        as_text,
        None,
        "Where the plugin registry is, to search plugins and to announce virtual plugins.",
        env=("PLUGIN_REGISTRY_URL",),
    ),
    Setting(
        "NISQ_ANALYZER_UI_URL",
        as_text,
        "http://localhost:4201",
        "Where plugins find the user interface of the NISQ Analyzer.",
    ),
    Setting(
        "SQLALCHEMY_DATABASE_URI",
        as_database_url,
        None,
        "The database. When it is not set: SQLite, `qhana_plugin_runner.db` in the instance "
        "folder. `postgresql+psycopg2:` is read as `postgresql+psycopg:`.",
        env=("SQLALCHEMY_DATABASE_URI",),
    ),
    Setting(
        "SQLALCHEMY_ENGINE_OPTIONS",
        as_mapping,
        {},
        "Arguments for SQLAlchemy's `create_engine`, such as the size of the pool.",
    ),
    Setting(
        "SQLALCHEMY_ECHO", as_bool, False, "Log each statement sent to the database."
    ),
    Setting(
        "CELERY",
        as_mapping,
        dict(CELERY_PRODUCTION_CONFIG),
        "Celery's own configuration in its lower-case names; what is given here is laid over "
        "the runner's defaults. `BROKER_URL` is where messages go (Redis protocol), "
        "`RESULT_BACKEND` where results go (to the broker, when that is a Redis server), "
        "`CELERY_QUEUE` the queue that is used.",
        env=("BROKER_URL", "RESULT_BACKEND", "CELERY_QUEUE"),
        debug=dict(CELERY_DEBUG_CONFIG),
    ),
    Setting(
        "DEFAULT_FILE_STORE",
        as_text,
        "local_filesystem",
        "The file store that keeps results: `local_filesystem`, or one that a plugin brings.",
        env=("DEFAULT_FILE_STORE",),
    ),
    Setting(
        "FILE_STORE_ROOT_PATH",
        as_text,
        "files",
        "The folder of the local file store, relative to the instance folder.",
    ),
    Setting(
        "URL_REWRITE_RULES",
        as_rewrite_rules,
        [],
        "Regular expressions and replacements applied, in order, to each URL before it is "
        "fetched; as a mapping or a list of pairs. Lets a runner in a container reach what its "
        "users call `localhost`.",
        env=("URL_MAP", "URL_REWRITE_RULES"),
    ),
    Setting("API_TITLE", as_text, "QHAna Plugin Runner", "The title of the API."),
    Setting("API_VERSION", as_text, "v1", "The version of the API."),
    Setting("OPENAPI_VERSION", as_text, "3.0.3", "The version of the OpenAPI document."),
    Setting("OPENAPI_URL_PREFIX", as_text, "", "The path under which the documents are."),
    Setting("OPENAPI_JSON_PATH", as_text, "api-spec.json", "The OpenAPI document."),
    Setting("OPENAPI_REDOC_PATH", as_text, "redoc", "The Redoc page."),
    Setting("OPENAPI_RAPIDOC_PATH", as_text, "rapidoc", "The RapiDoc page."),
    Setting("OPENAPI_SWAGGER_UI_PATH", as_text, "swagger-ui", "The Swagger UI page."),
    Setting(
        "LOG_CONFIG",
        as_mapping,
        None,
        "A configuration for `logging.config.dictConfig`. When it is set, the `DEFAULT_LOG_*` "
        "settings do nothing. Records carry `task_id` and `plugin`.",
    ),
    Setting(
        "DEFAULT_LOG_SEVERITY",
        as_severity,
        "INFO",
        "The lowest severity that is logged, by name or number.",
        env=("DEFAULT_LOG_LEVEL",),
    ),
    Setting(
        "DEFAULT_LOG_FORMAT_STYLE",
        one_of("%", "{", "$"),
        "{",
        "The style of `DEFAULT_LOG_FORMAT`.",
    ),
    Setting(
        "DEFAULT_LOG_FORMAT",
        as_text,
        "{asctime} {levelname:<7} {name}{context} {message}",
        "The line that is logged; `context` holds task and plugin when there are any.",
    ),
    Setting(
        "DEFAULT_LOG_DATE_FORMAT",
        as_text,
        None,
        "The format of the time, in the notation of `time.strftime`.",
    ),
    Setting(
        "BABEL_DEFAULT_LOCALE",
        as_text,
        "en",
        "The language when a client names none we have.",
    ),
)


def defaults(debug: bool = False) -> dict[str, Any]:
    """Return a fresh dict with the default of each setting."""
    return {setting.name: setting.default_for(debug) for setting in SETTINGS}


def default_plugin_folders(debug: bool, package: Path = PACKAGE) -> list[str]:
    """Return the default of PLUGIN_FOLDERS, for the current working directory.

    An installed runner that is tried out has no plugins beside it: it gets those in its own
    package. There are none in the package of a checkout.
    """
    folders: list[str] = defaults(debug)["PLUGIN_FOLDERS"]
    shipped = package / "plugins"
    if shipped.is_dir() and not any(Path(folder).is_dir() for folder in folders):
        return [str(shipped)]
    return folders
