"""Whether the server or worker of this container does its work: the image's health check.

A program that is started by its path every few seconds, so it imports little. The server has to
say that it is ready, the worker to have touched its file not long ago.
"""

import os
import sys
import time
from http.client import HTTPConnection, HTTPException

# A worker touches its file every second or so; a loaded machine delays it.
_SILENCE_SECONDS = 60.0

_TIMEOUT_SECONDS = 8.0


def server_problem(port: int) -> str:
    """Return why the server cannot serve; nothing if it can."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        text = answer.read().decode("utf-8", "replace").strip()
    except (OSError, HTTPException) as error:
        return f"the server on port {port} does not answer: {error}"
    finally:
        connection.close()
    return "" if answer.status == 200 else f"the server answers {answer.status}: {text}"


def worker_problem(file: str) -> str:
    """Return why the worker seems to be dead; nothing if it lives."""
    try:
        silence = time.time() - os.stat(file).st_mtime
    except OSError as error:
        return f"the worker has not touched its heartbeat file yet: {error}"
    if silence <= _SILENCE_SECONDS:
        return ""
    return f"the worker has not touched {file} for {silence:.0f} seconds"


def main() -> int:
    """Look at what this container runs; the exit status is 1 when something is wrong."""
    if os.environ.get("CONTAINER_MODE") == "worker":
        problem = worker_problem(os.environ.get("WORKER_HEARTBEAT_FILE", ""))
    else:
        problem = server_problem(int(os.environ.get("SERVER_PORT") or 8080))
    print(problem or "ok")
    return 1 if problem else 0


if __name__ == "__main__":
    sys.exit(main())
