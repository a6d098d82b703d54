"""Log lines that only the first of several processes writes."""

import fcntl
import os
from hashlib import sha256

LOG_ONCE_VARIABLE = "QHANA_PLUGIN_RUNNER_LOG_ONCE"
"""Names the file in which the processes of one start note what they have logged."""


def is_first_to_log(text: str) -> bool:
    """Claim a log line for this process.

    Without a file from the launcher, every process logs everything.

    Args:
        text: identifies the line.

    Returns:
        False when another process of this start has claimed the line before.
    """
    path = os.environ.get(LOG_ONCE_VARIABLE)
    if not path:
        return True
    key = sha256(text.encode("utf-8", "replace")).hexdigest()
    try:
        with open(path, "a+", encoding="ascii") as claimed:
            fcntl.flock(claimed, fcntl.LOCK_EX)
            claimed.seek(0)
            if key in claimed.read().split():
                return False
            claimed.write(f"{key}\n")
    except OSError:
        pass  # the launcher has ended or the disk is full: better twice than never
    return True
