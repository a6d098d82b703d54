"""Processes that tasks start: they may, and they end with their task.

Each process of the pool leads a group, in which all stays that its task starts, unless it is made
to leave. What is left there when the task is done is killed. The process of the pool then ends,
too, and another one takes its place: what would talk to the killed ones in the next task, in
vain, goes with it.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from billiard.pool import EX_RECYCLE
from celery.concurrency import asynpool

from ..tasking.temp_files import remove_left

_MAIN = multiprocessing.current_process()

_CLEANS_UP = b"resource_tracker"
"""Is in the command of processes, of Python and joblib, that remove what the others leave behind
(semaphores, shared memory). They end by themselves when none of the others is left.
"""

_PR_SET_CHILD_SUBREAPER = 36  # of <linux/prctl.h>


def allow_children(plugin_folders: Iterable[str | Path]) -> None:
    """Prepare a worker for tasks that start processes.

    Those which are no forks import the modules of functions that they are to call: modules of
    plugins are found after all others. The folders stay in ``sys.path`` of the worker, as each way
    to start such processes (:mod:`multiprocessing`, joblib) copies it. Call this when the plugins
    are imported: what these import at their top is then the same as in a web process.

    Args:
        plugin_folders: where the plugins are
    """
    os.register_at_fork(after_in_child=_forget_handlers)
    for folder in map(os.path.realpath, plugin_folders):
        is_package = os.path.isfile(os.path.join(folder, "__init__.py"))
        place = os.path.dirname(folder) if is_package else folder
        if place not in sys.path:
            sys.path.append(place)


def _forget_handlers() -> None:
    """Let signals end a forked process: their handlers are meant for the worker."""
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)


def become_parent() -> None:
    """Make this process of the pool one that has children.

    Celery's processes are daemons, and :mod:`multiprocessing` believes that of this one, too, so
    that it would refuse children. It is told that this is a main process, as it is where tasks
    run in threads. Celery does not notice: it uses another library.
    """
    setattr(multiprocessing.process, "_current_process", _MAIN)  # noqa: B010
    os.setpgid(0, 0)
    if sys.platform == "linux":
        # Whoever is started by a child that ends before it becomes a child of this process.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_children() -> bool:
    """Kill what is left in the group of this process; return whether there was something."""
    return _may_have_children() and bool(signal_group(os.getpid(), signal.SIGKILL))


def _may_have_children() -> bool:
    if not hasattr(os, "waitid"):
        return True
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def signal_group(group: int, number: int) -> set[int]:
    """Send a signal to all processes of a group, but not to this one.

    SIGKILL is not sent to those that clean up behind the others.

    Args:
        group: the number of the process that leads the group, or has led it
        number: of the signal

    Returns:
        the processes
    """
    found: set[int] = set()
    # Again and again: until it has the signal, a process may start another one.
    while new := _members(group, number) - found:
        for pid in sorted(new, key=lambda pid: pid != group):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass  # it has just ended
        found |= new
    return found


def _members(group: int, number: int) -> set[int]:
    """Return the processes of a group that are to get a signal."""
    if not os.path.isdir("/proc"):
        if group != os.getpid():
            return {-group}  # all of them
        return {child.pid for child in multiprocessing.active_children() if child.pid}
    return {
        pid
        for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
        if pid != os.getpid()
        and _is_member(pid, group)
        and not (number == signal.SIGKILL and _cleans_up(pid))
    }


def _is_member(pid: int, group: int) -> bool:
    try:
        # A group that has ended may have passed on its number, but not to the same session.
        return os.getpgid(pid) == group and os.getsid(pid) == os.getsid(0)
    except OSError:
        return False


def _cleans_up(pid: int) -> bool:
    try:
        return _CLEANS_UP in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


class _PoolProcess(asynpool.Worker):
    """What a process of the pool does: one task after another, and nothing stays of any."""

    wait_for_job: Callable[[], Any]

    def _make_child_methods(self, *args: Any) -> None:
        super()._make_child_methods(*args)
        wait = self.wait_for_job

        def wait_alone() -> Any:
            if end_children():
                remove_left()
                raise SystemExit(EX_RECYCLE)
            return wait()

        self.wait_for_job = wait_alone


class ParentPool(asynpool.AsynPool):
    """Celery's pool of processes whose tasks may start processes."""

    Worker = _PoolProcess

    @property
    def timers(self) -> dict[Callable[[], None], float]:
        """What is done every so many seconds. Ends of processes are seen at once, but not all."""
        return {self.maintain_pool: 0.5}
