"""The settings of what strangers may do: sites, people, URLs, sizes."""

from . import checks
from .setting import MEBIBYTE, Setting

SECURITY_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "ALLOWED_HOSTS",
        checks.as_hosts,
        None,
        "The host names of the runner, in addition to `SERVER_NAME` and loopback names. A "
        "request with any other `Host` gets status 421. `*.example.org` matches all subdomains, "
        "and `*` matches any host. If it is not set, a runner that listens only on loopback "
        "accepts no other names, and a public runner accepts all names.",
        env=("ALLOWED_HOSTS",),
    ),
    Setting(
        "ALLOWED_ORIGINS",
        checks.as_origins,
        None,
        "The origins (`https://ui.example.org`) whose pages may read from the runner, change "
        "data, and show it in frames; `*` allows all. Pages on the host of the runner, on any "
        "port, are always allowed, and so are pages on this machine if the runner listens only "
        "on loopback. If it is not set, a public runner allows all origins and a local runner no "
        "others.",
        env=("ALLOWED_ORIGINS",),
    ),
    Setting(
        "AUTH_MODE",
        checks.one_of("open", "token"),
        "open",
        "`open`: everyone who can reach the runner may do everything. `token`: everything except "
        "the list of plugins, their metadata, and the documentation requires an access token "
        "with a role; see `flask token`.",
        env=("AUTH_MODE",),
    ),
    Setting(
        "AUTH_PUBLIC_KEY",
        checks.as_text,
        None,
        "The public key (PEM) of the OpenID Connect provider that issues the tokens. If it is "
        "not set, the runner issues tokens itself and signs them with `SECRET_KEY`.",
        env=("AUTH_PUBLIC_KEY",),
    ),
    Setting(
        "AUTH_ISSUER",
        checks.as_text,
        None,
        "The issuer (`iss`) that the provider's tokens must contain.",
        env=("AUTH_ISSUER",),
    ),
    Setting(
        "AUTH_AUDIENCE",
        checks.as_text,
        None,
        "The audience (`aud`) that the provider's tokens must contain.",
        env=("AUTH_AUDIENCE",),
    ),
    Setting(
        "AUTH_ROLE_CLAIM",
        checks.as_text,
        "role",
        "The claim that contains the role or roles of a token (`read`, `run`, `admin`). Dots "
        "separate nested keys, as in `realm_access.roles`.",
        env=("AUTH_ROLE_CLAIM",),
    ),
    Setting(
        "OUTGOING_TOKENS",
        checks.as_tokens,
        {},
        "The tokens that the runner sends when it calls webhooks and the plugins and tasks of "
        "other runners: a mapping of origins (`https://runner.example.org`) to tokens. A token "
        "is sent only to its origin, even after a redirect, and never with URLs of data. "
        "Everyone who may run a task here acts there with this token. As an environment "
        "variable, a JSON object.",
        env=("OUTGOING_TOKENS",),
        secret=True,
    ),
    Setting(
        "FILE_URL_FOLDERS",
        checks.as_paths,
        [],
        "Folders that `file:` URLs may refer to, in addition to the local file store; relative "
        "to the instance folder. As an environment variable, separated by colons.",
        env=("FILE_URL_FOLDERS",),
    ),
    Setting(
        "URL_FETCH_ALLOW",
        checks.as_fetch_targets,
        ["*"],
        "The targets from which `http:` URLs may be fetched: `*` for any, `public` for the "
        "Internet without private networks, networks (`10.1.0.0/16`), and host names with or "
        "without a port (`minio:9000`, `*.example.org`), separated by spaces. Targets that other "
        "settings name are always allowed: the runner (`SERVER_NAME`), the registry, S3, and "
        "targets of `URL_REWRITE_RULES`. Link-local addresses, cloud metadata, and multicast are "
        "never allowed.",
        env=("URL_FETCH_ALLOW",),
    ),
    Setting(
        "URL_FETCH_MAX_BYTES",
        checks.as_count,
        None,
        "The maximum size of a fetched body, in bytes, both as transferred (with its headers) "
        "and decompressed. Default: no limit.",
        env=("URL_FETCH_MAX_BYTES",),
    ),
    Setting(
        "URL_FETCH_MAX_RATIO",
        checks.as_count,
        1000,
        "The maximum compression ratio of a fetched body that decompresses to more than 100 MiB; "
        "0 means no limit.",
    ),
    Setting(
        "URL_FETCH_SILENCE_SECONDS",
        checks.as_seconds,
        # Most reverse proxies give up after 60 s themselves.
        60.0,
        "How long a fetch waits for a server that sends nothing.",
    ),
    Setting(
        "URL_FETCH_TOTAL_SECONDS",
        checks.as_seconds,
        None,
        "How long a fetch may take in total, including redirects and the body. Default: no "
        "limit.",
        env=("URL_FETCH_TOTAL_SECONDS",),
    ),
    Setting(
        "SQL_IMPORT_URLS",
        checks.as_import_urls,
        [],
        "The databases that the plugin `sql-import` may read: URLs without user name and "
        "password, such as `postgresql://db.example.org/sales` or `sqlite:////data/sales.db`, "
        "separated by spaces. Everyone who may run plugins can see these URLs and can read "
        "whatever the database grants to the user they log in as or, for a SQLite file, to the "
        "account of the workers. Default: none.",
        env=("SQL_IMPORT_URLS",),
        secret=True,
    ),
    Setting(
        "MAX_JSON_SIZE",
        checks.as_count,
        16 * MEBIBYTE,
        "The maximum size of a JSON request body, in bytes. A larger body gets status 413. "
        "Parsed JSON takes ten times as much memory.",
    ),
    Setting(
        "MAX_JSON_DEPTH",
        checks.as_count,
        100,
        "The maximum nesting depth of a JSON request body. A deeper body gets status 400.",
    ),
    Setting(
        "MAX_ZIP_FILES",
        checks.as_count,
        100_000,
        "The maximum number of entries in an archive that plugins read. `URL_FETCH_MAX_BYTES` "
        "and `URL_FETCH_MAX_RATIO` limit the size of the unpacked data.",
    ),
    Setting(
        "MAX_CSV_FIELD_SIZE",
        checks.as_count,
        256 * MEBIBYTE,
        "The maximum number of characters in one value of a CSV file. A value without its "
        "closing quote would otherwise extend to the end of the file.",
    ),
)
