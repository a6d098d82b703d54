"""One running process of a part, and all that it starts."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence

from .errors import LauncherError
from .guard import Guard, kill_group
from .log import Log

# A line without end (a progress bar, binary data) is cut here so that it takes no memory.
_LONGEST_LINE = 64 * 1024

# A process that left its group may hold the pipe open for ever. What the others wrote has
# arrived long before.
_DRAIN_SECONDS = 1.0


class Process:
    """A process in a session and process group of its own, its output tagged in the log.

    Use :meth:`start` to make one.
    """

    def __init__(self, child: asyncio.subprocess.Process, output: "_Lines", guard: Guard):
        self._child = child
        self._output = output
        self._guard = guard

    @classmethod
    async def start(
        cls,
        tag: str,
        command: Sequence[str],
        *,
        log: Log,
        guard: Guard,
        environment: Mapping[str, str] | None = None,
        keep_open: Sequence[int] = (),
    ) -> "Process":
        """Start a command.

        Args:
            tag: stands before each line that the command writes
            command: program and arguments
            log: receives the output
            guard: is told of the process group
            environment: all environment variables (default: those of this process)
            keep_open: file descriptors that the command inherits

        Raises:
            LauncherError: the program cannot be started
        """
        read, write = os.pipe()
        try:
            child = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write,
                stderr=write,
                env=environment,
                pass_fds=keep_open,
                start_new_session=True,
            )
        except OSError as error:
            os.close(read)
            raise LauncherError(f"cannot start {command[0]}: {error.strerror}") from error
        finally:
            os.close(write)
        guard.watch(child.pid)
        loop = asyncio.get_running_loop()
        pipe = os.fdopen(read, "rb", buffering=0)
        _, output = await loop.connect_read_pipe(lambda: _Lines(tag, log), pipe)
        return cls(child, output, guard)

    @property
    def pid(self) -> int:
        """Number of the process, and of its process group."""
        return self._child.pid

    async def wait(self) -> int:
        """Wait for the end of the process itself, not of those it started.

        Returns:
            the exit status, or minus the number of the signal that ended it
        """
        return await self._child.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, not to those it started."""
        if self._child.returncode is None:
            self._child.send_signal(number)

    def kill(self) -> None:
        """Kill the process and all that it started."""
        kill_group(self.pid)

    async def clean_up(self) -> None:
        """Kill what an ended process has left, and log the last lines of all of them."""
        self.kill()
        await self._output.ended(_DRAIN_SECONDS)
        self._guard.forget(self.pid)


class _Lines(asyncio.Protocol):
    """Cuts what comes out of a pipe into lines for the log."""

    def __init__(self, tag: str, log: Log) -> None:
        self._tag = tag
        self._log = log
        self._rest = b""
        self._end = asyncio.get_running_loop().create_future()
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._write(line)
        if len(self._rest) > _LONGEST_LINE:
            self._write(self._rest)
            self._rest = b""

    def connection_lost(self, error: Exception | None) -> None:
        if self._rest:
            self._write(self._rest)
        if not self._end.done():
            self._end.set_result(None)

    async def ended(self, seconds: float) -> None:
        """Wait for the end of the output, at most so long, then close the pipe."""
        await asyncio.wait([self._end], timeout=seconds)
        assert self._transport is not None
        self._transport.close()

    def _write(self, line: bytes) -> None:
        self._log.line(self._tag, line.decode("utf-8", "replace").rstrip("\r"))
