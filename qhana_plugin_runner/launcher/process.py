"""A running process of a service, and all that it starts."""

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence

from .errors import LauncherError
from .log import Log
from .orphan_reaper import OrphanReaper, kill_session

# A line without end (a progress bar, binary data) is cut here so that it takes no memory.
_MAX_LINE = 256 * 1024

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
        self,
        child: asyncio.subprocess.Process,
        pipe: asyncio.BaseTransport,
        output: "asyncio.Task[None]",
        reaper: OrphanReaper,
    ) -> None:
        self.pid = child.pid
        self._child = child
        self._pipe = pipe
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
        reader = asyncio.StreamReader()
        pipe, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb", 0)
        )
        output = asyncio.create_task(_copy_lines(reader, tag, log))
        return cls(child, pipe, output, reaper)

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
        await asyncio.wait({self._output}, timeout=_DRAIN_SECONDS)
        self._output.cancel()
        self._pipe.close()
        self._reaper.remove(self.pid)
        return status

    async def stop(self, signals: Sequence[tuple[signal.Signals, float]]) -> bool:
        """Send signals to the process, each with its time in seconds to end.

        Returns:
            whether the process has ended
        """
        for number, seconds in signals:
            self.send_signal(number)
            try:
                await asyncio.wait_for(self.wait(), seconds)
            except TimeoutError:
                continue
            return True
        return False

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, unless it has ended."""
        if self._child.returncode is None:
            self._child.send_signal(number)

    def kill(self) -> None:
        """Kill the process and all that it started."""
        kill_session(self.pid)


async def _copy_lines(reader: asyncio.StreamReader, tag: str, log: Log) -> None:
    """Cut what comes out of a pipe into lines for the log."""
    rest = b""
    while data := await reader.read(_MAX_LINE):
        *lines, rest = (rest + data).split(b"\n")
        if len(rest) > _MAX_LINE:
            lines, rest = [*lines, rest], b""
        for line in lines:
            log.line(tag, line.decode("utf-8", "replace").rstrip("\r"))
    if rest:
        log.line(tag, rest.decode("utf-8", "replace").rstrip("\r"))
