"""Settings: one table (:mod:`.settings`), read from several layers and checked at start.

The layers, each overriding those before it: the defaults, ``config.py``, ``config.json`` and
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
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

from ..error_text import error_text, name_and_text
from .celery_config import CELERY_DEBUG_CONFIG, CELERY_PRODUCTION_CONFIG
from .paths import absolute_paths
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
    "refuse_weak",
]

DATABASE_FILE = "qhana_plugin_runner.db"

_logger = logging.getLogger(__name__)

_BY_NAME = {setting.name: setting for setting in SETTINGS}

# Names that an unknown name may be a typo of; environment variables are often put into files.
_HINTS = {variable: setting.name for setting in SETTINGS for variable in setting.env}
_HINTS |= {name: name for name in _BY_NAME}


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
    """Return whether ``FLASK_DEBUG`` or ``FLASK_ENV=development`` turns debug mode on."""
    asked = os.environ.get("FLASK_DEBUG")
    if asked is not None:
        return asked.lower() not in ("0", "false", "no", "")
    return os.environ.get("FLASK_ENV") == "development"


def read_settings(instance_path: str | Path, debug: bool = False) -> dict[str, Any]:
    """Merge all layers without an app.

    Raises:
        ConfigError: a file cannot be read or a value is invalid; the text is one line.
    """
    config: dict[str, Any] = {}
    load_settings(config, Path(instance_path), debug)
    return config


def load_settings(
    config: MutableMapping[str, Any], instance_path: Path, debug: bool
) -> None:
    """Fill an app's configuration from all layers and check it.

    Raises:
        ConfigError: a file cannot be read or a value is invalid; the text is one line.
    """
    config.update(defaults(debug))
    config["PLUGIN_FOLDERS"] = default_plugin_folders(debug)
    config["DEBUG"] = debug
    for source, values in _layers(instance_path):
        _apply(config, values, source)
    _complete(config, instance_path)
    if not debug:
        refuse_weak(config["SECRET_KEY"])


def load_test_settings(
    config: MutableMapping[str, Any], values: Mapping[str, Any], instance_path: Path
) -> None:
    """Load only the given mapping, as ``create_app(test_config)`` does.

    Nothing is read from files or the environment, except ``FLASK_ENV=development`` for the
    defaults of debug mode. Other settings get their defaults, but no plugin folders outside of
    debug mode, and always a new secret and an in-memory database: a test must not touch the data
    of an instance.

    Raises:
        ConfigError: a value is invalid.
    """
    debug = os.environ.get("FLASK_ENV") == "development"
    config.update(defaults(debug))
    config.update(DEBUG=debug, SQLALCHEMY_DATABASE_URI="sqlite:///:memory:")
    if not debug:
        config["PLUGIN_FOLDERS"] = []
    _apply(config, values, "test_config")
    config["SECRET_KEY"] = config["SECRET_KEY"] or secrets.token_hex(32)
    _complete(config, instance_path)


def _layers(instance_path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield source and values of each layer above the defaults, lowest first."""
    files = [instance_path / name for name in ("config.py", "config.json", "config.toml")]
    paths = [path for path in files if path.is_file()]
    if named := os.environ.get("QHANA_PLUGIN_RUNNER_SETTINGS"):
        # Flask reads such a path as relative to the instance folder.
        path = next(
            (p for p in (instance_path / named, Path(named)) if p.is_file()), None
        )
        if path is None:
            raise ConfigError(
                f"QHANA_PLUGIN_RUNNER_SETTINGS names {named!r}, which is not a file; "
                "correct the path or unset the variable"
            )
        paths.append(path)
    for path in paths:
        yield str(path), _read_file(path)
    # An empty variable counts as not set: compose files pass on what nobody has set.
    environment = {name: value for name, value in os.environ.items() if value}
    for setting in SETTINGS:
        if found := setting.from_environment(environment):
            yield found[0], {setting.name: found[1]}


def _read_file(path: Path) -> Mapping[str, Any]:
    """Read a settings file by its suffix: ``.toml``, ``.json``, anything else is Python."""
    try:
        if path.suffix == ".toml":
            import tomllib

            return tomllib.loads(path.read_text("utf-8"))
        if path.suffix == ".json":
            values = json.loads(path.read_text("utf-8"))
            if not isinstance(values, dict):
                raise ValueError("must contain one object")
            return values
        from flask import Config  # the launcher does without, where it can

        config = Config(str(path.parent))
        config.from_pyfile(str(path))
        return config
    except (OSError, ValueError, SyntaxError) as error:
        raise ConfigError(f"{path} cannot be read: {error_text(error)}") from error
    except Exception as error:  # config.py runs any code
        raise ConfigError(f"{path} failed: {name_and_text(error)}") from error


def _apply(
    config: MutableMapping[str, Any], values: Mapping[str, Any], source: str
) -> None:
    """Add one layer to the configuration, checking the names and values of the table."""
    for name, value in values.items():
        setting = _BY_NAME.get(name)
        if setting is None:
            _hint_at_similar_name(name, source)
        else:
            value = setting.check(value, source)
            if setting.merge is not None:
                value = setting.merge(config[name], value)
        config[name] = value


def _hint_at_similar_name(name: str, source: str) -> None:
    """Warn about an unknown name that looks like a typo; others may be a plugin's own."""
    from flask import Flask  # the launcher does without, where it can

    similar = difflib.get_close_matches(name.upper(), _HINTS, n=1, cutoff=0.85)
    if similar and name not in Flask.default_config:
        _logger.warning(
            "unknown setting %s (%s): did you mean %s? It is passed on to plugins as it is.",
            name,
            source,
            _HINTS[similar[0]],
        )


def _complete(config: MutableMapping[str, Any], instance_path: Path) -> None:
    """Set defaults that depend on the instance folder, and check combinations of settings."""
    for name in ("SQLALCHEMY_DATABASE_URI", "SQLALCHEMY_ENGINE_OPTIONS", "CELERY"):
        config[name] = absolute_paths(config[name])
    if config["SQLALCHEMY_DATABASE_URI"] is None:
        config["SQLALCHEMY_DATABASE_URI"] = _sqlite_url(instance_path / DATABASE_FILE)
    if config["DEFAULT_FILE_STORE"] == "s3" and not config["S3_BUCKET"]:
        raise ConfigError("DEFAULT_FILE_STORE is s3, which needs a bucket: set S3_BUCKET")
    if config["AUTH_PUBLIC_KEY"]:
        for name in ("AUTH_ISSUER", "AUTH_AUDIENCE"):
            if not config[name]:
                raise ConfigError(
                    "AUTH_PUBLIC_KEY is set; so that tokens for other clients of the provider "
                    f"are refused, set {name}, too"
                )
    if config["SECRET_KEY"] is None:
        config["SECRET_KEY"] = _stored_secret(instance_path)


def _sqlite_url(path: Path) -> str:
    if re.fullmatch(r"[\w./+ -]*", str(path), re.ASCII):
        return f"sqlite:///{path}"
    from sqlalchemy.engine import URL  # the launcher does without, where it can

    return URL.create("sqlite", database=str(path)).render_as_string()


def _stored_secret(instance_path: Path) -> str:
    """Return the secret of this instance, which the first process that asks creates."""
    path = instance_path / "secret_key"
    try:
        if not path.exists():
            _create_secret(path)
        secret = path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"the secret of this instance, {path}, cannot be stored ({error_text(error)}); make the "
            "instance folder writable, choose another one with "
            "QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER, or set QHANA_SECRET_KEY"
        ) from error
    if not secret:
        raise ConfigError(f"{path} is empty; delete it, then a secret is created")
    return secret


_GUESSED = re.compile("debug|dev|key|secret|test|change|me|this|please|password|[^a-z]")
"""Words of keys in examples."""


def refuse_weak(secret: str | bytes) -> None:
    """Refuse a secret that can be guessed: who knows it can make tokens.

    Raises:
        ConfigError: it is short, has few different characters, or is that of an example.
    """
    text = secret.decode("latin-1") if isinstance(secret, bytes) else secret
    lower = text.lower()
    has_words_only = lower.islower() and not _GUESSED.sub("", lower)
    if len(text) < 16 or len(set(text)) < 6 or has_words_only:
        raise ConfigError(
            "SECRET_KEY can be guessed: it must have 16 characters or more, at random. Make one "
            "with: python -c 'import secrets; print(secrets.token_hex(32))', or leave "
            "QHANA_SECRET_KEY unset, then the runner makes and keeps its own"
        )


def _create_secret(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Process ids are not unique: containers that share the folder have equal ones.
    descriptor, own = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
    try:
        os.link(own, path)  # fails when another process was faster: its key counts
    except FileExistsError:
        pass
    finally:
        os.unlink(own)
