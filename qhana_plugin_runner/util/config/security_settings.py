"""The settings of what strangers may do: sites, people, URLs, sizes."""

from .checks import (
    as_count,
    as_fetch_targets,
    as_hosts,
    as_import_urls,
    as_origins,
    as_paths,
    as_seconds,
    as_text,
    as_tokens,
    one_of,
)
from .setting import MEBIBYTE, Setting

SECURITY_SETTINGS: tuple[Setting, ...] = (
    Setting(
        "ALLOWED_HOSTS",
        as_hosts,
        None,
        "The names of the runner beside `SERVER_NAME` and those of loopback: a request whose "
        "`Host` is another is answered with 421. `*.example.org` has all names below, `*` is any. "
        "When it is not set, a runner that only listens on loopback answers to no other names, "
        "and a public one to all.",
        env=("ALLOWED_HOSTS",),
    ),
    Setting(
        "ALLOWED_ORIGINS",
        as_origins,
        None,
        "The origins (`https://ui.example.org`) whose pages may use the runner: read, change, and "
        "show it in frames; `*` is all. Pages on the host of the runner, with any port, always "
        "may; and so may those of this machine when the runner listens only there. When it is "
        "not set, all pages may use a public runner, but none a local one.",
        env=("ALLOWED_ORIGINS",),
    ),
    Setting(
        "AUTH_MODE",
        one_of("open", "token"),
        "open",
        "`open`: everyone who reaches the runner may do everything. `token`: everything but the "
        "list of plugins, their metadata and the documentation needs an access token with a "
        "role, see `flask token`.",
        env=("AUTH_MODE",),
    ),
    Setting(
        "AUTH_PUBLIC_KEY",
        as_text,
        None,
        "The public key (PEM) of the OpenID Connect provider that issues the tokens. When it is "
        "not set, the runner issues them itself and signs with `SECRET_KEY`.",
        env=("AUTH_PUBLIC_KEY",),
    ),
    Setting(
        "AUTH_ISSUER",
        as_text,
        None,
        "The issuer (`iss`) that tokens of the provider must name.",
        env=("AUTH_ISSUER",),
    ),
    Setting(
        "AUTH_AUDIENCE",
        as_text,
        None,
        "The audience (`aud`) that tokens of the provider must name.",
        env=("AUTH_AUDIENCE",),
    ),
    Setting(
        "AUTH_ROLE_CLAIM",
        as_text,
        "role",
        "Where a token names its role or roles (`read`, `run`, `admin`); dots lead into objects, "
        "as in `realm_access.roles`.",
        env=("AUTH_ROLE_CLAIM",),
    ),
    Setting(
        "OUTGOING_TOKENS",
        as_tokens,
        {},
        "The tokens with which the runner calls webhooks, and plugins and tasks of other runners: "
        "a mapping of origins (`https://runner.example.org`) to tokens. A token is sent to its "
        "origin only, also after a redirect, and never with URLs of data. Everyone who may run "
        "something here acts there with it. In the environment a JSON object.",
        env=("OUTGOING_TOKENS",),
        secret=True,
    ),
    Setting(
        "FILE_URL_FOLDERS",
        as_paths,
        [],
        "Folders whose files `file:` URLs may name, beside the local file store; relative to the "
        "instance folder. In the environment separated by colons.",
        env=("FILE_URL_FOLDERS",),
    ),
    Setting(
        "URL_FETCH_ALLOW",
        as_fetch_targets,
        ["*"],
        "From where `http:` URLs may be fetched: `*` is everywhere, `public` the Internet without "
        "private networks; or networks (`10.1.0.0/16`), and names with or without a port "
        "(`minio:9000`, `*.example.org`), separated by spaces. What other settings name is "
        "always allowed: the runner (`SERVER_NAME`), the registry, S3, targets of "
        "`URL_REWRITE_RULES`. Link-local addresses, cloud metadata and multicast never are.",
        env=("URL_FETCH_ALLOW",),
    ),
    Setting(
        "URL_FETCH_MAX_BYTES",
        as_count,
        None,
        "The largest body that is fetched, in bytes, as it is sent (with its headers) and as it is "
        "decompressed.",
        env=("URL_FETCH_MAX_BYTES",),
    ),
    Setting(
        "URL_FETCH_MAX_RATIO",
        as_count,
        1000,
        "How many times its size a fetched body of more than 100 MiB may grow when it is "
        "decompressed; 0 is any.",
    ),
    Setting(
        "URL_FETCH_SILENCE_SECONDS",
        as_seconds,
        # Most reverse proxies give up after 60 s themselves.
        60.0,
        "How long a server that is fetched from may send nothing.",
    ),
    Setting(
        "URL_FETCH_TOTAL_SECONDS",
        as_seconds,
        None,
        "How long one fetch may take, with its redirects and its body; without end when it is "
        "not set.",
        env=("URL_FETCH_TOTAL_SECONDS",),
    ),
    Setting(
        "SQL_IMPORT_URLS",
        as_import_urls,
        [],
        "The databases that the plugin `sql-import` may read: URLs without user and password, such "
        "as `postgresql://db.example.org/sales` or `sqlite:////data/sales.db`, separated by "
        "spaces. All who may run plugins see these URLs, and read what a database gives to the "
        "user they log in as, or, a file of SQLite, to the account of the workers. None by "
        "default.",
        env=("SQL_IMPORT_URLS",),
        secret=True,
    ),
    Setting(
        "MAX_JSON_SIZE",
        as_count,
        16 * MEBIBYTE,
        "The largest JSON body of a request, in bytes: parsed, it takes ten times as much "
        "memory. Larger ones are answered with 413.",
    ),
    Setting(
        "MAX_JSON_DEPTH",
        as_count,
        100,
        "How many levels the JSON body of a request may have; 400 if it has more.",
    ),
    Setting(
        "MAX_ZIP_FILES",
        as_count,
        100_000,
        "The most entries of an archive that plugins read. What they are unpacked to is limited "
        "by `URL_FETCH_MAX_BYTES` and `URL_FETCH_MAX_RATIO`.",
    ),
    Setting(
        "MAX_CSV_FIELD_SIZE",
        as_count,
        256 * MEBIBYTE,
        "The most characters of one value in a CSV file: what lacks a closing quote is read as "
        "one value.",
    ),
)
