"""Starts the parts in order, starts them again when they die, and stops them in order."""

import asyncio
import shlex
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from .errors import LauncherError
from .guard import Guard
from .log import Log
from .part import Part, Step
from .process import Process

# A part that has never answered and died this often is set up wrongly: trying for ever
# would hide that from whoever has just started the product.
_FIRST_ATTEMPTS = 3


class Supervisor:
    """Keeps the parts of the product running until SIGINT, SIGTERM or SIGHUP.

    Args:
        parts: parts and steps in the order of their start; they are stopped the other way
            round
        log: receives the output of the parts, and what the supervisor does
        guard: kills the parts when this process is killed
        on_ready: called each time when all parts answer, at the start and after a restart
        on_stop: called before the first part is stopped
        clock: seconds that never run backwards
    """

    def __init__(
        self,
        parts: Sequence[Part | Step],
        *,
        log: Log,
        guard: Guard,
        on_ready: Callable[[], None] = lambda: None,
        on_stop: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sequence = parts
        self._parts = [part for part in parts if isinstance(part, Part)]
        self._log = log
        self._guard = guard
        self._on_ready = on_ready
        self._on_stop = on_stop
        self._clock = clock
        self._processes: dict[str, Process] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._watches: dict[str, asyncio.Task[None]] = {}
        self._answering = {part.name: asyncio.Event() for part in self._parts}
        self._stopping = asyncio.Event()
        self._killing = False
        self._restarting: set[str] = set()

    async def run(self) -> None:
        """Start everything, and return when everything has been stopped.

        Raises:
            LauncherError: a step failed, or a part could not be started
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal, number)
        work = asyncio.create_task(self._work())
        stop = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        self._stopping.set()
        await stop
        self._on_stop()
        await self._stop_all()
        await work

    def stop(self) -> None:
        """Stop all parts in order; :meth:`run` returns when that is done."""
        self._stopping.set()

    async def restart(self, names: Iterable[str]) -> None:
        """Stop parts that run; they are started again at once."""
        stops = []
        for part in self._parts:
            process = self._processes.get(part.name)
            if part.name in names and process is not None:
                self._restarting.add(part.name)
                self._answering[part.name].clear()
                stops.append(self._stop(part.name, process, part.stop))
        await asyncio.gather(*stops)

    def _on_signal(self, number: signal.Signals) -> None:
        if not self._stopping.is_set():
            self._say(f"{number.name}: stopping all parts (Ctrl-C kills them at once)")
            self._stopping.set()
        elif number == signal.SIGINT:
            self._say("SIGINT: killing all parts")
            self._killing = True
            for process in self._processes.values():
                process.kill()

    async def _work(self) -> None:
        """Start the sequence, then wait for a part that cannot be kept."""
        for part in self._sequence:
            if self._stopping.is_set():
                return
            if isinstance(part, Step):
                await self._carry_out(part)
                continue
            self._keepers[part.name] = asyncio.create_task(self._keep(part))
            if part.first:
                await self._first_answer(part)
        await asyncio.gather(*self._keepers.values())

    async def _first_answer(self, part: Part) -> None:
        answer = asyncio.create_task(self._answering[part.name].wait())
        keeper = self._keepers[part.name]
        try:
            await asyncio.wait({answer, keeper}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            answer.cancel()
        if keeper.done():
            keeper.result()

    async def _start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None,
        keep_open: Sequence[int] = (),
    ) -> Process:
        process = await Process.start(
            name,
            command,
            log=self._log,
            guard=self._guard,
            environment=environment,
            keep_open=keep_open,
        )
        self._say(f"started {name} (process {process.pid}): {shlex.join(command)}")
        self._processes[name] = process
        if self._stopping.is_set():
            process.kill()
        return process

    async def _carry_out(self, step: Step) -> None:
        process = await self._start(step.name, step.command, step.environment)
        status = await self._ended(step.name, process)
        if status != 0 and not self._stopping.is_set():
            raise LauncherError(
                f"the {step.title} failed ({_reason(status)}): see its messages above"
            )

    async def _ended(self, name: str, process: Process) -> int:
        """Wait for the end of a process and clean up behind it."""
        status = await process.wait()
        await process.clean_up()
        del self._processes[name]
        return status

    async def _keep(self, part: Part) -> None:
        """Start a part again and again until the product is stopped."""
        attempts = 0
        ever_answered = False
        while not self._stopping.is_set():
            attempts += 1
            started = self._clock()
            process = await self._start(
                part.name, part.command, part.environment, part.keep_open
            )
            self._watch(part)
            status = await self._ended(part.name, process)
            ran = self._clock() - started
            ever_answered = ever_answered or self._answering[part.name].is_set()
            self._silent(part)
            if self._stopping.is_set():
                self._say(f"{part.name} has stopped ({_reason(status)})")
                return
            if part.name in self._restarting:
                self._restarting.remove(part.name)
                attempts = 0
                continue
            if not ever_answered and attempts == _FIRST_ATTEMPTS:
                raise LauncherError(
                    f"{part.name} does not start ({attempts} attempts, "
                    f"{_reason(status)}): see its messages above"
                )
            pause = part.pause.after(ran)
            self._say(
                f"{part.name} has ended ({_reason(status)}); "
                f"it is started again in {pause:g} s"
            )
            await self._pause(pause)

    async def _pause(self, seconds: float) -> None:
        """Wait, but not beyond the stop of the product."""
        stop = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({stop}, timeout=seconds)
        stop.cancel()

    def _watch(self, part: Part) -> None:
        """Find out when a part answers, from now on."""
        if part.name in self._watches:
            self._watches[part.name].cancel()
        self._answering[part.name].clear()
        self._watches[part.name] = asyncio.create_task(self._await_answer(part))

    async def _await_answer(self, part: Part) -> None:
        if part.answers is not None:
            await part.answers()
        self._answering[part.name].set()
        all_answer = all(event.is_set() for event in self._answering.values())
        if all_answer and not self._stopping.is_set():
            self._on_ready()

    def _silent(self, part: Part) -> None:
        """A part has ended: those that need it have to answer anew."""
        self._watches.pop(part.name).cancel()
        self._answering[part.name].clear()
        for other in self._parts:
            if part.name in other.needs and other.name in self._watches:
                self._watch(other)

    async def _stop_all(self) -> None:
        """Stop whatever runs, in the reverse order of the start."""
        for part in reversed(self._sequence):
            process = self._processes.get(part.name)
            if process is not None:
                stop = part.stop if isinstance(part, Part) else ((signal.SIGTERM, 4.0),)
                await self._stop(part.name, process, stop)
            keeper = self._keepers.get(part.name)
            if keeper is not None:
                await asyncio.wait({keeper})
        for watch in self._watches.values():
            watch.cancel()

    async def _stop(
        self,
        name: str,
        process: Process,
        signals: Sequence[tuple[signal.Signals, float]],
    ) -> None:
        end = asyncio.create_task(process.wait())
        for number, seconds in signals:
            if end.done() or self._killing:
                break
            process.signal(number)
            await asyncio.wait({end}, timeout=seconds)
        if not end.done():
            self._say(f"killing {name}")
            process.kill()
        await end

    def _say(self, text: str) -> None:
        self._log.line("run", text)


def _reason(status: int) -> str:
    """Say in words how a process ended."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
