"""Kills all services when the launcher is killed in a way that it cannot react to.

The reaper is a second, tiny process that reads the numbers of process groups from a pipe.
When the pipe ends because the launcher is gone, it kills the groups that are still running.
The kernel can send a signal to the children of a dead process (``PR_SET_PDEATHSIG``), but
not to *their* children, such as the pool of a Celery worker; and it can do so on Linux
only.

This file is also the program of the reaper, started by its path. It imports nothing but
the standard library, so that the reaper is small and starts at once.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable


class OrphanReaper:
    """The launcher's end of the pipe.

    Args:
        keep_open: file descriptors that the reaper holds open as long as it lives; a lock
            that is among them stays locked until the last service is dead
    """

    def __init__(self, keep_open: Iterable[int] = ()) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__],
            stdin=subprocess.PIPE,
            bufsize=0,
            stdout=subprocess.DEVNULL,
            pass_fds=tuple(keep_open),
            start_new_session=True,  # a Ctrl-C in the terminal must not reach it
        )

    def add(self, group: int) -> None:
        """Kill the process group when the launcher dies."""
        self._send(f"+{group}\n")

    def remove(self, group: int) -> None:
        """Leave the process group alone: it has ended, and its number may be given again."""
        self._send(f"-{group}\n")

    def close(self) -> None:
        """End the reaper, which kills the groups that were not removed."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _send(self, message: str) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(message.encode())
        except BrokenPipeError:
            pass  # the reaper was killed; the product works without it


def kill_session(leader: int) -> None:
    """Send SIGKILL to all processes of a service, if it has not ended yet.

    They are a session. Most are in the group of its first process, but a worker's tasks have
    groups of their own, so that they can be stopped with all that they have started.
    """
    for pid in (-leader, *_members(leader)):
        try:
            os.kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            # It has just ended. macOS refuses when only zombies are left in the group.
            pass


def _members(session: int) -> list[int]:
    """Return the processes of a session, where the system lists its processes."""
    found = []
    for name in os.listdir("/proc") if os.path.isdir("/proc") else ():
        try:
            if name.isdigit() and os.getsid(int(name)) == session:
                found.append(int(name))
        except OSError:
            continue  # it has just ended
    return found


def main() -> None:
    """Read groups until the pipe ends, then kill those that are left."""
    groups: set[int] = set()
    for line in sys.stdin:
        sign, group = line[0], int(line[1:])
        (groups.add if sign == "+" else groups.discard)(group)
    for group in groups:
        kill_session(group)


if __name__ == "__main__":
    main()
