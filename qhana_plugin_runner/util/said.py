"""What all processes of one start would say alike is said by the first of them alone."""

import fcntl
import os
from hashlib import sha256

__all__ = ["SAID_VARIABLE", "is_said_first"]

SAID_VARIABLE = "QHANA_PLUGIN_RUNNER_SAID"
"""Names the file in which the processes of one start note what was said."""


def is_said_first(text: str) -> bool:
    """Return whether no other process of this start has said a text, and note that it is said.

    Without a launcher that gave the processes a file, each says everything.
    """
    path = os.environ.get(SAID_VARIABLE)
    if not path:
        return True
    key = sha256(text.encode("utf-8", "replace")).hexdigest()
    try:
        with open(path, "a+", encoding="ascii") as said:
            fcntl.flock(said, fcntl.LOCK_EX)
            said.seek(0)
            if key in said.read().split():
                return False
            said.write(f"{key}\n")
    except (
        OSError
    ):  # the launcher has ended, or the disk is full: rather twice than never
        pass
    return True
