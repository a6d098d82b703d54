"""What the Dockerfile says, for tests that run it without an engine."""

import json
import re
from dataclasses import dataclass, field

from helpers.product import CHECKOUT

from qhana_plugin_runner.util.config.settings import SETTINGS

OF_CONTAINERS = {
    "CONTAINER_MODE",
    "CONCURRENCY",
    "CELERY_WORKER_POOL",
    "PERIODIC_SCHEDULER",
    "SERVER_PORT",
    "GUNICORN_WORKERS",
    "DEFAULT_LOG_LEVEL",
}
"""The variables of the original's image."""

_OF_THE_RUNNER = {"GIT_PLUGINS", "QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER"}

_OF_OTHERS = {
    "FLASK_APP",
    "FLASK_DEBUG",
    "PATH",
    "PIP_NO_CACHE_DIR",
    "PIP_USER",
    "PYTHONUNBUFFERED",
    "PYTHONUSERBASE",
}

KNOWN_VARIABLES = (
    OF_CONTAINERS
    | _OF_THE_RUNNER
    | _OF_OTHERS
    | {variable for setting in SETTINGS for variable in setting.env}
)
"""All variables that something reads."""


@dataclass
class Image:
    """The last stage of a Dockerfile.

    Attributes:
        environment: its variables.
        entry_point: the command of a container, with its arguments.
        health_check: the command of the health check.
        user: number of the user that it runs as.
        volumes: folders that can be written to.
        copied: what any stage copies from the checkout.
    """

    environment: dict[str, str] = field(default_factory=dict)
    entry_point: list[str] = field(default_factory=list)
    health_check: list[str] = field(default_factory=list)
    user: str = ""
    volumes: list[str] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)


def read_dockerfile() -> Image:
    """Read the Dockerfile of the checkout."""
    text = (CHECKOUT / "Dockerfile").read_text("utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", "")
    image = Image()
    for line in filter(None, text.splitlines()):
        word, _, rest = line.partition(" ")
        if word == "FROM":
            image = Image(copied=image.copied)
        elif word == "COPY" and not rest.startswith("--from"):
            image.copied += rest.split()[:-1]
        elif word == "ENV":
            image.environment |= dict(each.split("=", 1) for each in rest.split())
        elif word in ("ENTRYPOINT", "CMD"):
            image.entry_point += json.loads(rest)
        elif word == "HEALTHCHECK":
            image.health_check = json.loads(rest.partition("CMD")[2])
        elif word == "USER":
            image.user = rest
        elif word == "VOLUME":
            image.volumes = json.loads(rest)
    return image
