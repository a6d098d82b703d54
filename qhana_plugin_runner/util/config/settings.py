"""The one table of settings: names, types, defaults and their reasons.

Defaults, environment variables, the check at start and the reference page of the documentation
all come from this table: to add a setting, add a row.
"""

from pathlib import Path
from typing import Any

from .celery_config import CELERY_DEBUG_CONFIG, CELERY_PRODUCTION_CONFIG, merge_celery
from .checks import (
    as_bool,
    as_count,
    as_database_url,
    as_http_url,
    as_limit,
    as_mapping,
    as_paths,
    as_port,
    as_rewrite_rules,
    as_secret,
    as_severity,
    as_text,
    one_of,
)
from .security_settings import SECURITY_SETTINGS
from .setting import MEBIBYTE, Setting
from .task_settings import TASK_SETTINGS

PACKAGE = Path(__file__).resolve().parents[2]
"""The folder of the runner's package."""


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "SECRET_KEY",
        as_secret,
        None,
        "Signs tokens and cookies: at least 16 characters that cannot be guessed. The same on all "
        "hosts of one deployment. When it is not set, one is made at the first start and kept in "
        "the file `secret_key` of the instance folder.",
        env=("QHANA_SECRET_KEY",),
        secret=True,
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
        as_limit,
        16 * 1024 * MEBIBYTE,
        "The largest request body, in bytes; larger ones are answered with 413, by their "
        "`Content-Length` before anything is read.",
    ),
    Setting(
        "MAX_FORM_MEMORY_SIZE",
        as_count,
        16 * MEBIBYTE,
        "The most that all text fields of a form may take together, in bytes; files do not "
        "count. Flask's own "
        "500 kB are too little for the text areas of plugins that take data inline.",
    ),
    Setting(
        "MAX_FORM_PARTS",
        as_count,
        10_000,
        "The most values and files that one form may have. Flask's own 1,000 are too "
        "few for lists.",
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
        "Serve plugins written for marshmallow 3 and Flask 2 with compatibility shims. The "
        "environment variable is read before any plugin is imported.",
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
        secret=True,
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
        env_keys=("broker_url", "result_backend", "task_default_queue"),
        debug=dict(CELERY_DEBUG_CONFIG),
        merge=merge_celery,
        secret=True,
    ),
    Setting(
        "DEFAULT_FILE_STORE",
        as_text,
        "local_filesystem",
        "The file store that keeps results: `local_filesystem`, `s3`, or one that a plugin brings.",
        env=("DEFAULT_FILE_STORE",),
    ),
    Setting(
        "FILE_STORE_ROOT_PATH",
        as_text,
        "files",
        "The folder of the local file store, relative to the instance folder.",
    ),
    Setting(
        "S3_BUCKET",
        as_text,
        None,
        "The bucket of the file store `s3`. It must exist.",
        env=("S3_BUCKET",),
    ),
    Setting(
        "S3_ENDPOINT_URL",
        as_http_url,
        None,
        "Where the S3 server is (`http://minio:9000`); Amazon's when it is not set.",
        env=("S3_ENDPOINT_URL",),
    ),
    Setting(
        "S3_PUBLIC_ENDPOINT_URL",
        as_http_url,
        None,
        "Where clients reach the S3 server, for presigned downloads, if not under "
        "`S3_ENDPOINT_URL`.",
        env=("S3_PUBLIC_ENDPOINT_URL",),
    ),
    Setting(
        "S3_REGION",
        as_text,
        "us-east-1",
        "The region of the bucket. Most servers other than Amazon's take any.",
        env=("S3_REGION",),
    ),
    Setting(
        "S3_KEY_PREFIX",
        as_text,
        "",
        "Stands before the key of each object, such as `qhana/`, so that a bucket can be shared.",
        env=("S3_KEY_PREFIX",),
    ),
    Setting(
        "S3_ACCESS_KEY_ID",
        as_secret,
        None,
        "The access key. When it is not set it is looked for where boto3 does: `AWS_*` "
        "variables, `~/.aws`, the role of the machine.",
        env=("S3_ACCESS_KEY_ID",),
        secret=True,
    ),
    Setting(
        "S3_SECRET_ACCESS_KEY",
        as_secret,
        None,
        "The secret that belongs to `S3_ACCESS_KEY_ID`.",
        env=("S3_SECRET_ACCESS_KEY",),
        secret=True,
    ),
    Setting(
        "S3_DOWNLOAD",
        one_of("proxied", "presigned"),
        "proxied",
        "How clients get files of the store `s3`: `proxied`, through the runner, or `presigned`, "
        "by a redirect to a URL of the bucket that works for an hour.",
        env=("S3_DOWNLOAD",),
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
    Setting("OPENAPI_VERSION", as_text, "3.1.0", "The version of the OpenAPI document."),
    Setting(
        "OPENAPI_URL_PREFIX",
        as_text,
        "",
        "The path under which the API and its documents are.",
    ),
    Setting("OPENAPI_JSON_PATH", as_text, "api-spec.json", "The OpenAPI document."),
    Setting("OPENAPI_REDOC_PATH", as_text, "redoc", "The Redoc page."),
    Setting("OPENAPI_RAPIDOC_PATH", as_text, "rapidoc", "The RapiDoc page."),
    Setting("OPENAPI_SWAGGER_UI_PATH", as_text, "swagger-ui", "The Swagger UI page."),
    Setting(
        "LOG_CONFIG",
        as_mapping,
        None,
        "A configuration for `logging.config.dictConfig`. When it is set, the `DEFAULT_LOG_*` "
        "settings do nothing. Records carry `task_id`, `plugin` and `request_id`.",
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
        one_of("%", "{", "$", "json"),
        "{",
        "The style of `DEFAULT_LOG_FORMAT`; or `json`: each line is an object of JSON, and the format "
        "is not used.",
        env=("DEFAULT_LOG_FORMAT_STYLE",),
    ),
    Setting(
        "DEFAULT_LOG_FORMAT",
        as_text,
        "{asctime} {levelname:<7} {name}{context} {message}",
        "The line that is logged; `context` holds task, plugin and request when there are any.",
    ),
    Setting(
        "DEFAULT_LOG_DATE_FORMAT",
        as_text,
        None,
        "The format of the time, in the notation of `time.strftime`.",
    ),
    Setting(
        "METRICS_PORT",
        as_port,
        None,
        "The port at which a worker, or `flask maintenance`, shows its metrics to Prometheus. Each "
        "service on a machine needs one of its own. None when it is not set.",
        env=("METRICS_PORT",),
    ),
    Setting(
        "METRICS_HOST",
        as_text,
        "127.0.0.1",
        "The address of this port. Nobody is asked for a token there, so only Prometheus should "
        "reach it.",
        env=("METRICS_HOST",),
    ),
    Setting(
        "BABEL_DEFAULT_LOCALE",
        as_text,
        "en",
        "The language when a client names none we have.",
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
