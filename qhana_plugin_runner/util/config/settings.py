"""The one table of settings: names, types, defaults and their reasons.

Defaults, environment variables, the check at start and the reference page of the documentation
all come from this table: to add a setting, add a row.
"""

from pathlib import Path
from typing import Any

from . import checks
from .celery_config import CELERY_DEBUG_CONFIG, CELERY_PRODUCTION_CONFIG, merge_celery
from .security_settings import SECURITY_SETTINGS
from .setting import MEBIBYTE, Setting
from .task_settings import TASK_SETTINGS

PACKAGE = Path(__file__).resolve().parents[2]
"""The folder of the runner's package."""


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "SECRET_KEY",
        checks.as_secret,
        None,
        "Signs tokens and cookies: at least 16 characters that cannot be guessed, the same on "
        "all hosts of a deployment. If it is not set, the first start creates one and stores it "
        "in the file `secret_key` in the instance folder.",
        env=("QHANA_SECRET_KEY",),
        secret=True,
    ),
    Setting(
        "SERVER_NAME",
        checks.as_text,
        None,
        "The host and port where clients reach the runner (`qhana.example.org:8080`). Required "
        "to build absolute URLs outside of a request, for example in tasks.",
        env=("SERVER_NAME",),
    ),
    Setting(
        "REVERSE_PROXY_COUNT",
        checks.as_count,
        0,
        "The number of reverse proxies in front of the runner that set `X-Forwarded-*` headers. "
        "The runner trusts only that many entries.",
        env=("REVERSE_PROXY_COUNT",),
    ),
    Setting(
        "MAX_CONTENT_LENGTH",
        checks.as_limit,
        16 * 1024 * MEBIBYTE,
        "The maximum size of a request body, in bytes. A larger body is rejected with status 413 "
        "before it is read, based on its `Content-Length`.",
    ),
    Setting(
        "MAX_FORM_MEMORY_SIZE",
        checks.as_count,
        16 * MEBIBYTE,
        "The maximum total size of all text fields in a form, in bytes; files do not count. "
        "Flask's default of 500 kB is too small for the text areas of plugins that take data "
        "inline.",
    ),
    Setting(
        "MAX_FORM_PARTS",
        checks.as_count,
        10_000,
        "The maximum number of values and files in a form. Flask's default of 1,000 is too small "
        "for lists.",
    ),
    Setting(
        "PLUGIN_FOLDERS",
        checks.as_paths,
        ["./plugins"],
        "Folders with plugins, relative to the working directory. A folder with an `__init__.py` "
        "is one plugin; otherwise, each module and package in the folder is one. If nothing is "
        "set and the default folder does not exist, an installed runner serves the demo plugins "
        "that come with it.",
        env=("PLUGIN_FOLDERS",),
        debug=["./plugins", "./local_plugins"],
    ),
    Setting(
        "PLUGIN_COMPAT",
        checks.as_bool,
        True,
        "Load compatibility shims for plugins that were written for marshmallow 3 and Flask 2. "
        "The environment variable is read before any plugin is imported.",
        env=("PLUGIN_COMPAT",),
    ),
    Setting(
        "PLUGIN_REGISTRY_URL",
        checks.as_text,
        None,
        "The URL of the plugin registry, used to search for plugins and to announce virtual "
        "plugins.",
        env=("PLUGIN_REGISTRY_URL",),
    ),
    Setting(
        "NISQ_ANALYZER_UI_URL",
        checks.as_text,
        "http://localhost:4201",
        "The URL of the NISQ Analyzer user interface, for plugins that link to it.",
    ),
    Setting(
        "SQLALCHEMY_DATABASE_URI",
        checks.as_database_url,
        None,
        "The URL of the database. Default: SQLite, in the file `qhana_plugin_runner.db` in the "
        "instance folder. `postgresql+psycopg2:` is treated as `postgresql+psycopg:`.",
        env=("SQLALCHEMY_DATABASE_URI",),
        secret=True,
    ),
    Setting(
        "SQLALCHEMY_ENGINE_OPTIONS",
        checks.as_mapping,
        {},
        "Arguments for SQLAlchemy's `create_engine`, such as the size of the connection pool.",
    ),
    Setting(
        "SQLALCHEMY_ECHO",
        checks.as_bool,
        False,
        "Log each statement sent to the database.",
    ),
    Setting(
        "CELERY",
        checks.as_mapping,
        dict(CELERY_PRODUCTION_CONFIG),
        "Celery's configuration, with its lowercase names; it is merged into the runner's "
        "defaults. `BROKER_URL` sets the broker (Redis protocol), `RESULT_BACKEND` the result "
        "backend (default: the broker, if it is a Redis server), and `CELERY_QUEUE` the default "
        "queue.",
        env=("BROKER_URL", "RESULT_BACKEND", "CELERY_QUEUE"),
        env_keys=("broker_url", "result_backend", "task_default_queue"),
        debug=dict(CELERY_DEBUG_CONFIG),
        merge=merge_celery,
        secret=True,
    ),
    Setting(
        "DEFAULT_FILE_STORE",
        checks.as_text,
        "local_filesystem",
        "The file store for results: `local_filesystem`, `s3`, or a store that a plugin "
        "provides.",
        env=("DEFAULT_FILE_STORE",),
    ),
    Setting(
        "FILE_STORE_ROOT_PATH",
        checks.as_text,
        "files",
        "The folder of the local file store, relative to the instance folder.",
    ),
    Setting(
        "S3_BUCKET",
        checks.as_text,
        None,
        "The bucket for the file store `s3`. The bucket must exist.",
        env=("S3_BUCKET",),
    ),
    Setting(
        "S3_ENDPOINT_URL",
        checks.as_http_url,
        None,
        "The URL of the S3 server (`http://minio:9000`). Default: Amazon S3.",
        env=("S3_ENDPOINT_URL",),
    ),
    Setting(
        "S3_PUBLIC_ENDPOINT_URL",
        checks.as_http_url,
        None,
        "The URL of the S3 server for clients, used in presigned downloads. Default: "
        "`S3_ENDPOINT_URL`.",
        env=("S3_PUBLIC_ENDPOINT_URL",),
    ),
    Setting(
        "S3_REGION",
        checks.as_text,
        "us-east-1",
        "The region of the bucket. Most servers other than Amazon S3 accept any value.",
        env=("S3_REGION",),
    ),
    Setting(
        "S3_KEY_PREFIX",
        checks.as_text,
        "",
        "A prefix for the key of each object, such as `qhana/`, so that several applications can "
        "share a bucket.",
        env=("S3_KEY_PREFIX",),
    ),
    Setting(
        "S3_ACCESS_KEY_ID",
        checks.as_secret,
        None,
        "The access key. If it is not set, boto3 looks for credentials in its usual places: "
        "`AWS_*` variables, `~/.aws`, the role of the machine.",
        env=("S3_ACCESS_KEY_ID",),
        secret=True,
    ),
    Setting(
        "S3_SECRET_ACCESS_KEY",
        checks.as_secret,
        None,
        "The secret key for `S3_ACCESS_KEY_ID`.",
        env=("S3_SECRET_ACCESS_KEY",),
        secret=True,
    ),
    Setting(
        "S3_DOWNLOAD",
        checks.one_of("proxied", "presigned"),
        "proxied",
        "How clients download files from the store `s3`: `proxied` through the runner, or "
        "`presigned`, with a redirect to a URL of the bucket that is valid for one hour.",
        env=("S3_DOWNLOAD",),
    ),
    Setting(
        "URL_REWRITE_RULES",
        checks.as_rewrite_rules,
        [],
        "Regular expressions and replacements that are applied, in order, to each URL before it "
        "is fetched, as a mapping or a list of pairs. A runner in a container can use them to "
        "reach what its users call `localhost`.",
        env=("URL_MAP", "URL_REWRITE_RULES"),
    ),
    Setting("API_TITLE", checks.as_text, "QHAna Plugin Runner", "The title of the API."),
    Setting("API_VERSION", checks.as_text, "v1", "The version of the API."),
    Setting(
        "OPENAPI_VERSION", checks.as_text, "3.1.0", "The version of the OpenAPI document."
    ),
    Setting(
        "OPENAPI_URL_PREFIX",
        checks.as_text,
        "",
        "The path prefix of the API and its documentation.",
    ),
    Setting(
        "OPENAPI_JSON_PATH",
        checks.as_text,
        "api-spec.json",
        "The path of the OpenAPI document.",
    ),
    Setting("OPENAPI_REDOC_PATH", checks.as_text, "redoc", "The path of the Redoc page."),
    Setting(
        "OPENAPI_RAPIDOC_PATH", checks.as_text, "rapidoc", "The path of the RapiDoc page."
    ),
    Setting(
        "OPENAPI_SWAGGER_UI_PATH",
        checks.as_text,
        "swagger-ui",
        "The path of the Swagger UI page.",
    ),
    Setting(
        "LOG_CONFIG",
        checks.as_mapping,
        None,
        "A configuration for `logging.config.dictConfig`. If it is set, the `DEFAULT_LOG_*` "
        "settings have no effect. Log records have the attributes `task_id`, `plugin`, and "
        "`request_id`.",
    ),
    Setting(
        "DEFAULT_LOG_SEVERITY",
        checks.as_severity,
        "INFO",
        "The minimum severity to log, as a name or a number.",
        env=("DEFAULT_LOG_LEVEL",),
    ),
    Setting(
        "DEFAULT_LOG_FORMAT_STYLE",
        checks.one_of("%", "{", "$", "json"),
        "{",
        "The style of `DEFAULT_LOG_FORMAT`. With `json`, each line is a JSON object and the "
        "format is not used.",
        env=("DEFAULT_LOG_FORMAT_STYLE",),
    ),
    Setting(
        "DEFAULT_LOG_FORMAT",
        checks.as_text,
        "{asctime} {levelname:<7} {name}{context} {message}",
        "The format of a log line. `context` contains the task, plugin, and request, if there "
        "are any.",
    ),
    Setting(
        "DEFAULT_LOG_DATE_FORMAT",
        checks.as_text,
        None,
        "The time format, in the notation of `time.strftime`.",
    ),
    Setting(
        "METRICS_PORT",
        checks.as_port,
        None,
        "The port where a worker, or `flask maintenance`, exposes its metrics to Prometheus. "
        "Each service on a machine needs its own port. Default: metrics are not exposed.",
        env=("METRICS_PORT",),
    ),
    Setting(
        "METRICS_HOST",
        checks.as_text,
        "127.0.0.1",
        "The address to which `METRICS_PORT` is bound. This port requires no token, so make sure "
        "that only Prometheus can reach it.",
        env=("METRICS_HOST",),
    ),
    Setting(
        "BABEL_DEFAULT_LOCALE",
        checks.as_text,
        "en",
        "The language to use if a client requests none that is available.",
    ),
    *SECURITY_SETTINGS,
    *TASK_SETTINGS,
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
    shipped = package / "demo" / "plugins"
    if shipped.is_dir() and not any(Path(folder).is_dir() for folder in folders):
        return [str(shipped)]
    return folders
