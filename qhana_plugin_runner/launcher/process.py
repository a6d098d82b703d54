"""A running process of a service, and all that it starts."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence

from .errors import LauncherError
from .log import Log
from .orphan_reaper import OrphanReaper, kill_session

# A line without end (a progress bar, binary data) is cut here so that it takes no memory.
_MAX_LINE = 64 * 1024

# A process that left its group may hold the pipe open for ever. What the others wrote has
# arrived long before.
_DRAIN_SECONDS = 1.0


class Process:
    """A process in a session and process group of its own, its output tagged in the log.

    Use :meth:`start` to make one.

    Attributes:
        pid: number of the process, and of its process group and session.
    """

    def __init__(
        self, child: asyncio.subprocess.Process, output: "_Lines", reaper: OrphanReaper
    ) -> None:
        self.pid = child.pid
        self._child = child
        self._output = output
        self._reaper = reaper

    @classmethod
    async def start(
        cls,
        tag: str,
        command: Sequence[str],
        *,
        log: Log,
        reaper: OrphanReaper,
        environment: Mapping[str, str] | None = None,
        keep_open: Sequence[int] = (),
    ) -> "Process":
        """Start a command.

        Args:
            tag: stands before each line that the command writes
            command: program and arguments
            log: receives the output
            reaper: gets the process group
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
        reaper.add(child.pid)
        loop = asyncio.get_running_loop()
        pipe = os.fdopen(read, "rb", buffering=0)
        _, output = await loop.connect_read_pipe(lambda: _Lines(tag, log), pipe)
        return cls(child, output, reaper)

    async def wait(self) -> int:
        """Wait for the end of the process itself, not of those it started.

        Returns:
            the exit status, or minus the number of the signal that ended it
        """
        return await self._child.wait()

    async def ended(self) -> int:
        """Wait for the end, kill what the process has left, and log the last lines."""
        status = await self.wait()
        self.kill()
        await self._output.ended(_DRAIN_SECONDS)
        self._reaper.remove(self.pid)
        return status

    async def stop(self, signals: Sequence[tuple[signal.Signals, float]]) -> bool:
        """Send signals to the process, each with its time in seconds to end.

        Returns:
            whether the process has ended
        """
        for number, seconds in signals:
            if self._child.returncode is None:
                self._child.send_signal(number)
            try:
                await asyncio.wait_for(self.wait(), seconds)
            except TimeoutError:
                continue
            return True
        return False

    def kill(self) -> None:
        """Kill the process and all that it started."""
        kill_session(self.pid)


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
        if len(self._rest) > _MAX_LINE:
            self._write(self._rest)
            self._rest = b""

    def connection_lost(self, error: Exception | None) -> None:
        if self._rest:
            self._write(self._rest)
        if not self._end.done():
            self._end.set_result(None)

    async def ended(self, seconds: float) -> None:
        """Wait for the end of the output, at most ``seconds``, then close the pipe."""
        await asyncio.wait([self._end], timeout=seconds)
        assert self._transport is not None
        self._transport.close()

    def _write(self, line: bytes) -> None:
        self._log.line(self._tag, line.decode("utf-8", "replace").rstrip("\r"))
