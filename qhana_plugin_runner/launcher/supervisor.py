"""Starts the services in order, restarts them when they die, and stops them in order."""

import asyncio
import shlex
import signal
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from ..util.backoff import backoff
from .errors import LauncherError
from .log import Log
from .orphan_reaper import OrphanReaper
from .process import Process
from .service import Service

# A service that was never ready and died this often is set up wrongly: retrying for ever
# would hide that from the person who has just started the product.
_MAX_FIRST_ATTEMPTS = 3

# The pause before a restart doubles from one death to the next, up to the longest, so that a
# service that cannot work does not use up the machine. One that ran steadily was well.
_LONGEST_PAUSE = 30.0
_STEADY_SECONDS = 60.0

# How long the last services wait for the others, which may wait for a broker that is down.
_MAX_SECONDS_BEFORE_LAST = 10.0


class Supervisor:
    """Keeps the services of the product running until SIGINT, SIGTERM or SIGHUP.

    Args:
        sequence: what is started, in this order; it is stopped in reverse
        log: receives the output of the services, and what the supervisor does
        reaper: kills the services when this process is killed
        on_ready: called each time when all services are ready, at the start and after a
            restart; those that are started last do not count
        on_stop: called before the first service is stopped
        clock: seconds that never run backwards
    """

    def __init__(
        self,
        sequence: Sequence[Service],
        *,
        log: Log,
        reaper: OrphanReaper,
        on_ready: Callable[[], None] = lambda: None,
        on_stop: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._reaper = reaper
        self._on_ready = on_ready
        self._on_stop = on_stop
        self._is_killing = False
        self.clock = clock
        self.stopping = asyncio.Event()
        self._units = [_Unit(each, self) for each in sequence]

    async def run(self) -> None:
        """Start everything, and return when everything has been stopped.

        Raises:
            LauncherError: a oneshot failed, or a service could not be started
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal, number)
        work = asyncio.create_task(self._start_all())
        await _either(work, self.stopping.wait())
        self.stopping.set()
        self._on_stop()
        for unit in reversed(self._units):
            await unit.stop()
        await work

    def stop(self) -> None:
        """Stop all services in order; :meth:`run` returns when that is done."""
        self.stopping.set()

    async def renew(self, names: Collection[str]) -> None:
        """Start services anew that run, those that do not need each other at the same time.

        Processes that can finish what they are at do so.
        """
        chosen = [each for each in self._units if each.name in names]
        for is_last in (False, True):
            units = [each for each in chosen if each.last == is_last]
            await asyncio.gather(*(each.renew() for each in units))

    async def _start_all(self) -> None:
        """Start the sequence, then wait for a service that cannot be kept running."""
        for unit in self._units:
            if self.stopping.is_set():
                return
            await unit.start()
        await asyncio.gather(*(each.keeping for each in self._units if each.keeping))

    def _on_signal(self, number: signal.Signals) -> None:
        if not self.stopping.is_set():
            self.say(f"{number.name}: stopping all services (Ctrl-C kills them at once)")
            self.stopping.set()
        elif number == signal.SIGINT:
            self.say("SIGINT: killing all services")
            self._is_killing = True
            for unit in self._units:
                for process in unit.processes:
                    process.kill()

    # What units ask of their supervisor:

    def say(self, text: str) -> None:
        """Log what the supervisor does."""
        self._log.line("run", text)

    async def wait_until_ready(self) -> None:
        """Wait for all services but the last ones, within limits.

        Raises:
            LauncherError: one of them cannot be started
        """
        early = (each for each in self._units if not each.last)
        ready = asyncio.gather(*(each.wait_until_ready() for each in early))
        try:
            await asyncio.wait_for(ready, _MAX_SECONDS_BEFORE_LAST)
        except TimeoutError:
            pass

    def on_ready(self) -> None:
        """Announce that the product is ready, if the other services are ready, too."""
        are_ready = all(each.ready.is_set() or each.last for each in self._units)
        if are_ready and not self.stopping.is_set():
            self._on_ready()

    def on_end(self, name: str) -> None:
        """Wait again for the readiness of the services that need one that has ended."""
        for each in self._units:
            if name in each.needs and each.process is not None:
                each.watch()

    async def spawn(self, what: Service) -> Process:
        """Start a process; it is killed at once when the product is being stopped."""
        process = await Process.start(
            what.name,
            what.command,
            log=self._log,
            reaper=self._reaper,
            environment=what.environment,
            keep_open=what.keep_open,
        )
        command = shlex.join(what.command)
        self.say(f"started {what.name} (process {process.pid}): {command}")
        if self.stopping.is_set():
            process.kill()
        return process

    async def end(
        self, name: str, process: Process, signals: Sequence[tuple[signal.Signals, float]]
    ) -> None:
        """Stop a process by signals; kill it when it goes on."""
        if self._is_killing or not await process.stop(signals):
            self.say(f"killing {name}")
            process.kill()
        await process.wait()


class _Unit:
    """Runs a oneshot, or keeps a service running.

    Attributes:
        ready: set while the service is ready.
        process: that runs at the moment, if one does.
        keeping: the task that restarts it; ends when the product is stopped.
    """

    def __init__(self, service: Service, supervisor: Supervisor) -> None:
        self.name = service.name
        self.last = service.last or bool(service.oneshot)
        self.needs = service.needs
        self.ready = asyncio.Event()
        self.process: Process | None = None
        self.keeping: asyncio.Task[None] | None = None
        self._service = service
        self._supervisor = supervisor
        self._watching: asyncio.Task[None] | None = None
        self._is_restarting = False
        self._was_ready = False
        self._successor: Process | None = None
        self._is_replaced = asyncio.Event()
        self._retired: set[Process] = set()

    @property
    def processes(self) -> list[Process]:
        """All that run: first the current one, then those that finish what they are at."""
        current = [] if self.process is None else [self.process]
        return [*current, *self._retired]

    async def start(self) -> None:
        """Run a oneshot to its end, or begin to keep a service running.

        Raises:
            LauncherError: it failed, and nothing can be started without it
        """
        if self._service.oneshot:
            return await self._run(self._service)
        if self._service.last:
            await self._supervisor.wait_until_ready()
        self.keeping = asyncio.create_task(self._keep(self._service))
        if self._service.first:
            await self.wait_until_ready()

    async def _run(self, oneshot: Service) -> None:
        self.process = await self._supervisor.spawn(oneshot)
        status = await self.process.ended()
        self.process = None
        if status != 0 and not self._supervisor.stopping.is_set():
            raise LauncherError(
                f"the {oneshot.oneshot} failed ({_reason(status)}): see its messages above"
            )

    async def wait_until_ready(self) -> None:
        """Return when it is ready, or the product is being stopped."""
        assert self.keeping is not None
        await _either(self.keeping, self.ready.wait())
        if self.keeping.done():
            self.keeping.result()

    async def renew(self) -> None:
        """Start the service anew, if it runs; return when it is ready."""
        service = self._service
        if self.process is None or service.oneshot:
            return
        # One that was never ready is at no work; both would notify on the same socket.
        if service.retire is None or not self._was_ready:
            self._is_restarting = True
            self.ready.clear()
            await self._supervisor.end(self.name, self.process, service.stop)
            return
        self.ready.clear()
        if not service.overlaps:
            self._is_replaced.set()
            await self.wait_until_ready()
        elif successor := await self._start_successor(service):
            self._successor = successor
            self._is_replaced.set()
        else:
            self.ready.set()

    async def _start_successor(self, service: Service) -> Process | None:
        """Start a process beside the one that runs; return it when it is ready."""
        is_ready = asyncio.ensure_future((service.readiness or _at_once)())
        process = await self._supervisor.spawn(service)
        ended = asyncio.create_task(process.ended())
        try:
            await asyncio.wait({is_ready, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.done():
                ended.cancel()
                return process
            say = self._supervisor.say
            reason = _reason(ended.result())
            say(f"{self.name} does not start ({reason}); the one before goes on")
            return None
        except asyncio.CancelledError:
            process.kill()
            raise
        finally:
            is_ready.cancel()

    def _retire(
        self, process: Process, ended: "asyncio.Task[int]", number: signal.Signals
    ) -> None:
        """Let a process finish what it is at, and end."""
        self._retired.add(process)
        ended.add_done_callback(lambda _ended: self._retired.discard(process))
        process.send_signal(number)

    async def stop(self) -> None:
        ends = (
            self._supervisor.end(self.name, each, self._service.stop)
            for each in self.processes
        )
        await asyncio.gather(*ends)
        if self.keeping is not None:
            await asyncio.wait({self.keeping})

    def watch(self) -> None:
        """Wait for the service to get ready, from now on."""
        self._unwatch()
        self._watching = asyncio.create_task(self._await_readiness(self._service))

    def _unwatch(self) -> None:
        self.ready.clear()
        if self._watching is not None:
            self._watching.cancel()

    async def _await_readiness(self, service: Service) -> None:
        if service.readiness is not None:
            await service.readiness()
        self._was_ready = True
        self.ready.set()
        if not service.last:
            self._supervisor.on_ready()

    async def _keep(self, service: Service) -> None:
        """Start the service again and again until the product is stopped."""
        supervisor = self._supervisor
        attempts, failures, was_ready = 0, 0, False
        while not supervisor.stopping.is_set():
            attempts += 1
            started = supervisor.clock()
            if self._successor is None:
                self._was_ready = service.readiness is None
                self.process = await supervisor.spawn(service)
                self.watch()
            else:
                self.process, self._successor = self._successor, None
                self._unwatch()
                self.ready.set()
                supervisor.on_ready()
            ended = asyncio.create_task(self.process.ended())
            await _either(ended, self._is_replaced.wait())
            if self._is_replaced.is_set() and service.retire is not None:
                self._is_replaced.clear()
                attempts = 0
                self._retire(self.process, ended, service.retire)
                continue
            status = ended.result()
            self.process = None
            ran = supervisor.clock() - started
            was_ready = was_ready or self.ready.is_set()
            self._unwatch()
            supervisor.on_end(self.name)
            if supervisor.stopping.is_set():
                supervisor.say(f"{self.name} has stopped ({_reason(status)})")
                return
            if self._is_restarting:
                self._is_restarting, attempts = False, 0
                continue
            if not was_ready and attempts == _MAX_FIRST_ATTEMPTS:
                raise LauncherError(
                    f"{self.name} does not start ({attempts} attempts, "
                    f"{_reason(status)}): see its messages above"
                )
            failures = 1 if ran >= _STEADY_SECONDS else failures + 1
            pause = backoff(failures, service.pause, _LONGEST_PAUSE)
            supervisor.say(
                f"{self.name} has ended ({_reason(status)}); it is restarted in {pause:g} s"
            )
            try:
                await asyncio.wait_for(supervisor.stopping.wait(), pause)
            except TimeoutError:
                pass


async def _at_once() -> None:
    """Be ready."""


async def _either(task: "asyncio.Task[Any]", other: Awaitable[object]) -> None:
    """Wait until a task has ended, or something else happens; the task goes on."""
    waiting = asyncio.ensure_future(other)
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()


def _reason(status: int) -> str:
    """Say in words how a process ended."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
