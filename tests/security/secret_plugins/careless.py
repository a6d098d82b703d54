"""Tells its secret in each way in which an author may do it without a thought."""

import logging
import sys
import warnings
from typing import Literal

import requests

from qhana_plugin_runner.authoring import Secret, Task, plugin

LOGGER = logging.getLogger(__name__)


@plugin(version="v1.0.0")
def careless(
    task: Task,
    password: Secret,
    way: Literal["log", "tell", "raise", "cause", "url", "file", "group", "exit", "odd"],
) -> None:
    """Tells its secret."""
    if way == "log":
        print(f"print: {password}")
        LOGGER.error("logging: %s", {"login": password})
        warnings.warn(f"warning: {password}", stacklevel=1)
    elif way == "tell":
        task.log(f"logged in with {password}")
    elif way == "raise":
        raise ValueError(f"cannot log in with {password}")
    elif way == "cause":
        try:
            {}[password]
        except KeyError as error:
            raise RuntimeError("there is no account") from error
    elif way == "url":
        # Nothing listens on the port of the discard service.
        requests.get("http://127.0.0.1:9/", params={"key": password}, timeout=1)
    elif way == "file":
        open(f"/nowhere/{password}")
    elif way == "group":
        raise ExceptionGroup("two", [ValueError(1), ValueError(password)])
    elif way == "exit":
        sys.exit(f"cannot log in with {password}")
    else:
        raise Odd(password)


class Odd(Exception):
    """An error that makes its text of what no other code can change."""

    def __init__(self, text: str) -> None:
        self.texts = (text,)

    def __str__(self) -> str:
        return f"odd: {self.texts[0]}"
