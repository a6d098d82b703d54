"""The settings of what strangers may do: sites, people, URLs, sizes."""

from .checks import as_hosts, as_origins
from .setting import Setting

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
)
