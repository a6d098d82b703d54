"""Settings: one table (:mod:`.settings`), read from several layers, checked at start.

The layers, each laid over those before it: the defaults, ``config.py``, ``config.json`` and
``config.toml`` in the instance folder, the file named by ``QHANA_PLUGIN_RUNNER_SETTINGS``, and
the environment variables of the table.
"""

import difflib
import json
import logging
import os
import re
import secrets
import tempfile
import tomllib
from collections.abc import Container, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from .celery_config import CELERY_DEBUG_CONFIG, CELERY_PRODUCTION_CONFIG
from .setting import ConfigError, Setting
from .settings import SETTINGS, default_plugin_folders, defaults
from .smorest_config import SmorestDebugConfig, SmorestProductionConfig
from .sqlalchemy_config import SQLAchemyDebugConfig, SQLAchemyProductionConfig

__all__ = [
    "CELERY_DEBUG_CONFIG",
    "CELERY_PRODUCTION_CONFIG",
    "ConfigError",
    "DebugConfig",
    "ProductionConfig",
    "SETTINGS",
    "Setting",
    "is_debug",
    "load_settings",
    "load_test_settings",
    "read_settings",
]

DATABASE_FILE = "qhana_plugin_runner.db"

_logger = logging.getLogger(__name__)

_BY_NAME = {setting.name: setting for setting in SETTINGS}

# What an unknown name may be a slip of. Environment variables are often tried in files.
_HINTS = {variable: setting.name for setting in SETTINGS for variable in setting.env}
_HINTS |= {name: name for name in _BY_NAME}

_CELERY_VARIABLES = {
    "BROKER_URL": "broker_url",
    "RESULT_BACKEND": "result_backend",
    "CELERY_QUEUE": "task_default_queue",
}


class ProductionConfig(SQLAchemyProductionConfig, SmorestProductionConfig):
    """The defaults in production, for ``app.config.from_object``."""

    DEBUG = False
    TESTING = False


class DebugConfig(ProductionConfig, SQLAchemyDebugConfig, SmorestDebugConfig):
    """The defaults in debug mode."""

    DEBUG = True


for _setting in SETTINGS:
    setattr(ProductionConfig, _setting.name, _setting.default_for(debug=False))
    setattr(DebugConfig, _setting.name, _setting.default_for(debug=True))


def is_debug() -> bool:
    """Whether the environment asks for debug mode: ``FLASK_DEBUG``, or ``FLASK_ENV=development``."""
    asked = os.environ.get("FLASK_DEBUG")
    if asked is not None:
        return asked.lower() not in ("0", "false", "no", "")
    return os.environ.get("FLASK_ENV") == "development"


def read_settings(instance_path: str | Path, debug: bool = False) -> dict[str, Any]:
    """Merge all layers without an app, to look at the result.

    Raises:
        ConfigError: a file cannot be read or a value cannot be used; the text is one line.
    """
    config: dict[str, Any] = {}
    load_settings(config, Path(instance_path), debug)
    return config


def load_settings(
    config: MutableMapping[str, Any], instance_path: Path, debug: bool
) -> None:
    """Fill an app's configuration from all layers and check it.

    Raises:
        ConfigError: a file cannot be read or a value cannot be used; the text is one line.
    """
    config.update(defaults(debug))
    config["PLUGIN_FOLDERS"] = default_plugin_folders(debug)
    config["DEBUG"] = debug
    for source, values in _layers(instance_path):
        _apply(config, values, source)
    _complete(config, instance_path)


def load_test_settings(
    config: MutableMapping[str, Any], values: Mapping[str, Any], instance_path: Path
) -> None:
    """Load only the given mapping, as ``create_app(test_config)`` does.

    Nothing is read from files or the environment, except that ``FLASK_ENV=development`` asks
    for the defaults of debug mode. Settings that the mapping leaves out get their defaults, but
    outside of debug mode no plugin folders, and always a secret of their own and a database in
    memory: a test must not touch what an instance holds.

    Raises:
        ConfigError: a value cannot be used.
    """
    debug = os.environ.get("FLASK_ENV") == "development"
    config.update(defaults(debug))
    config.update(DEBUG=debug, SQLALCHEMY_DATABASE_URI="sqlite:///:memory:")
    if not debug:
        config["PLUGIN_FOLDERS"] = []
    _apply(config, values, "test_config")
    config["SECRET_KEY"] = config["SECRET_KEY"] or secrets.token_hex(32)
    _complete(config, instance_path)


def _layers(instance_path: Path) -> list[tuple[str, Mapping[str, Any]]]:
    """Read each layer above the defaults that is there, lowest first."""
    found: list[tuple[str, Mapping[str, Any]]] = []
    files = [instance_path / name for name in ("config.py", "config.json", "config.toml")]
    named = os.environ.get("QHANA_PLUGIN_RUNNER_SETTINGS")
    for path in files:
        if path.is_file():
            found.append((str(path), _read_file(path)))
    if named:
        # Flask reads such a path as relative to the instance folder.
        path = instance_path / named
        if not path.is_file():
            path = Path(named)
        if not path.is_file():
            raise ConfigError(
                f"QHANA_PLUGIN_RUNNER_SETTINGS names {named!r}, which is no file; "
                "correct the path or unset the variable"
            )
        found.append((str(path), _read_file(path)))
    # An empty variable counts as not set: compose files pass on what nobody has set.
    environment = {name: value for name, value in os.environ.items() if value}
    for setting in SETTINGS:
        if setting.name == "CELERY":
            names = _CELERY_VARIABLES.items()
            given = {key: environment[env] for env, key in names if env in environment}
            if given:
                found.append(("environment", {"CELERY": given}))
            continue
        for variable in setting.env:
            if variable in environment:
                source = f"environment variable {variable}"
                found.append((source, {setting.name: environment[variable]}))
                break
    return found


def _read_file(path: Path) -> Mapping[str, Any]:
    """Read one file of settings by its ending: ``.toml``, ``.json``, anything else is Python."""
    try:
        if path.suffix == ".toml":
            return tomllib.loads(path.read_text("utf-8"))
        if path.suffix == ".json":
            values = json.loads(path.read_text("utf-8"))
            if not isinstance(values, dict):
                raise ValueError("must hold one object")
            return values
        from flask import Config  # the launcher does without, where it can

        config = Config(str(path.parent))
        config.from_pyfile(str(path))
        return config
    except (OSError, ValueError, SyntaxError) as error:
        raise ConfigError(f"{path} cannot be read: {_one_line(error)}") from error
    except Exception as error:  # config.py runs any code
        raise ConfigError(
            f"{path} failed: {type(error).__name__}: {_one_line(error)}"
        ) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _apply(
    config: MutableMapping[str, Any], values: Mapping[str, Any], source: str
) -> None:
    """Lay one layer over the configuration, checking the names and values that are known."""
    for name, value in values.items():
        setting = _BY_NAME.get(name)
        if setting is None:
            _hint_at_similar_name(name, source)
            config[name] = value
        elif name == "CELERY":
            config[name] = _merge_celery(config[name], setting.check(value, source))
        else:
            config[name] = setting.check(value, source)


def _merge_celery(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one layer over Celery's configuration.

    Results go to the Redis server of the messages until a layer names another place for them.
    """
    merged = {**before, **given}
    is_redis = str(merged["broker_url"]).startswith(("redis://", "rediss://"))
    if is_redis and before["result_backend"] == before["broker_url"]:
        merged["result_backend"] = given.get("result_backend", merged["broker_url"])
    return merged


def _hint_at_similar_name(name: str, source: str) -> None:
    """Unknown names may be a plugin's own; say so only when one looks like a slip."""
    similar = difflib.get_close_matches(name.upper(), _HINTS, n=1, cutoff=0.85)
    if similar and name not in _flask_settings():
        _logger.warning(
            "unknown setting %s (%s): did you mean %s? It is passed on to plugins as it is.",
            name,
            source,
            _HINTS[similar[0]],
        )


def _flask_settings() -> Container[str]:
    from flask import Flask

    return Flask.default_config


def _complete(config: MutableMapping[str, Any], instance_path: Path) -> None:
    """Fill in what depends on the instance folder, and check what depends on other settings."""
    if config["SQLALCHEMY_DATABASE_URI"] is None:
        config["SQLALCHEMY_DATABASE_URI"] = _sqlite_url(instance_path / DATABASE_FILE)
    if config["DEFAULT_FILE_STORE"] == "s3" and not config["S3_BUCKET"]:
        raise ConfigError("DEFAULT_FILE_STORE is s3, which needs a bucket: set S3_BUCKET")
    if config["SECRET_KEY"] is None:
        config["SECRET_KEY"] = _kept_secret(instance_path)


def _sqlite_url(path: Path) -> str:
    if re.fullmatch(r"[\w./+ -]*", str(path), re.ASCII):
        return f"sqlite:///{path}"
    from sqlalchemy.engine import URL  # the launcher does without, where it can

    return URL.create("sqlite", database=str(path)).render_as_string()


def _kept_secret(instance_path: Path) -> str:
    """Return the secret of this instance; the first process that asks makes it."""
    path = instance_path / "secret_key"
    try:
        if not path.exists():
            _make_secret(path)
        secret = path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the secret of this instance, {path}, cannot be kept ({_one_line(error)}); make the "
            "instance folder writable, name another one with "
            "QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER, or set QHANA_SECRET_KEY"
        ) from error
    if not secret:
        raise ConfigError(f"{path} is empty; delete it, then a secret is made")
    return secret


def _make_secret(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Process ids are no unique names: containers that share the folder have equal ones.
    descriptor, own = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
    try:
        os.link(own, path)  # fails when another process was faster: its key counts
    except FileExistsError:
        pass
    finally:
        os.unlink(own)
