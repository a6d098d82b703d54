"""The supervisor, with small programs as services."""

import asyncio
import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable

import pytest
from helpers.processes import is_alive, wait_until

from qhana_plugin_runner.launcher import supervisor
from qhana_plugin_runner.launcher.errors import LauncherError
from qhana_plugin_runner.launcher.log import Log
from qhana_plugin_runner.launcher.orphan_reaper import OrphanReaper
from qhana_plugin_runner.launcher.service import Service
from qhana_plugin_runner.launcher.supervisor import Supervisor

FOR_EVER = "sleep 1000"
DEADLINE = 20  # seconds after which a test gives up; all of them need far less


class Recorder(Log):
    """Keeps the lines, and calls whoever waits for one."""

    def __init__(self):
        super().__init__(io.StringIO())
        self.lines = []
        self.hooks = []

    def line(self, tag, text):
        self.lines.append(f"{tag} | {text}")
        for pattern, action in list(self.hooks):
            if re.search(pattern, self.lines[-1]):
                action()

    def when(self, pattern: str, action: Callable[[], object], times: int = 1):
        """Call the action when a line matches for the so-manieth time."""
        count = itertools.count(1)
        self.hooks.append((pattern, lambda: next(count) == times and action()))

    def all(self, pattern: str) -> list[str]:
        """Return the first group of each line that matches, in order."""
        found = (re.search(pattern, line) for line in self.lines)
        return [match[1] for match in found if match]


@pytest.fixture
def log():
    return Recorder()


def shell(name: str, script: str, **options) -> Service:
    options.setdefault("pause", 0.01)
    return Service(name, ["sh", "-c", script], **options)


def supervise(services, log, prepare=lambda supervisor: None, **options):
    """Run services until the supervisor is stopped by a hook of the log."""

    async def run():
        reaper = OrphanReaper()
        try:
            supervisor = Supervisor(services, log=log, reaper=reaper, **options)
            prepare(supervisor)
            async with asyncio.timeout(DEADLINE):
                await supervisor.run()
        finally:
            reaper.close()

    asyncio.run(run())


def stop_when(log, pattern, times=1):
    return lambda supervisor: log.when(pattern, supervisor.stop, times)


def pid_of(log, name, start=0):
    return int(log.all(rf"started {name} \(process (\d+)\)")[start])


def test_a_service_that_dies_is_started_again_with_a_pause_that_grows(log):
    supervise([shell("web", "exit 3")], log, stop_when(log, "has ended", times=4))
    expected = ["0.01 s", "0.02 s", "0.04 s", "0.08 s"]
    assert log.all(r"web has ended \(exit status 3\).* in (.*)") == expected


def test_a_service_that_ran_well_is_started_again_with_the_first_pause(log):
    clock = itertools.count(step=60).__next__  # each run seems to take a minute
    stop = stop_when(log, "has ended", times=3)
    supervise([shell("web", "exit 3")], log, stop, clock=clock)
    assert log.all(r"is restarted in (.*)") == ["0.01 s"] * 3


def test_a_stop_does_not_wait_for_the_pause_before_a_restart(log):
    service = shell("web", "exit 3", pause=10 * DEADLINE)
    supervise([service], log, stop_when(log, "has ended"))
    assert len(log.all("(started web)")) == 1


def test_all_that_a_dead_service_has_started_is_killed_before_it_is_started_again(log):
    script = "trap '' TERM; sleep 1000 & echo child $!; wait"
    alive_at_restart = []

    def kill_leader():
        os.kill(pid_of(log, "worker"), signal.SIGKILL)

    def second_start():
        alive_at_restart.append(is_alive(int(log.all(r"child (\d+)")[0])))

    log.when(r"child \d+", kill_leader)
    log.when("started worker", second_start, times=2)
    service = shell("worker", script, stop=((signal.SIGTERM, 0.1),))
    supervise([service], log, stop_when(log, r"child \d+", times=2))
    assert log.all(r"(killed by SIGKILL)\); it is restarted")
    assert alive_at_restart == [False]
    assert not any(is_alive(int(pid)) for pid in log.all(r"child (\d+)"))


def test_services_are_stopped_in_the_reverse_order_each_after_the_end_of_the_other(log):
    script = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.05; done"
    services = [shell(name, script) for name in ("broker", "worker", "web")]
    supervise(services, log, stop_when(log, r"\| up", times=3))
    goodbyes = log.all(r"^(\w+ \| bye|run +\| \w+ has stopped)")
    assert goodbyes == [
        line
        for name in ("web", "worker", "broker")
        for line in (f"{name} | bye", f"run | {name} has stopped")
    ]


def test_a_service_that_ignores_its_signals_is_killed_with_its_children(log):
    script = (
        "trap '' TERM; trap 'echo quit' QUIT; echo up $$; while :; do sleep 0.05; done"
    )
    # The shell needs a moment to say "quit", which may be long on a busy machine.
    signals = ((signal.SIGTERM, 0.2), (signal.SIGQUIT, 5))
    service = shell("worker", script, stop=signals)
    supervise([service], log, stop_when(log, r"up \d+"))
    end = [
        line for line in log.lines if line.split(" | ")[1].startswith(("quit", "kill"))
    ]
    assert end == ["worker | quit", "run | killing worker"]
    assert not is_alive(pid_of(log, "worker"))


def test_each_line_of_a_service_has_its_tag_whatever_is_in_it(log):
    program = """
        import os
        os.write(1, b"out\\r\\n")
        os.write(2, b"err\\n")
        os.write(1, b"x" * 600_000 + b"\\n")
        os.write(1, b"bad \\xff byte\\nno end")
    """
    command = [sys.executable, "-S", "-c", textwrap.dedent(program)]
    supervise([Service("web", command)], log, stop_when(log, "web has ended"))
    lines = [line.removeprefix("web | ") for line in log.lines if line.startswith("web")]
    assert lines[:2] == ["out", "err"]
    assert "".join(lines[2:-2]) == "x" * 600_000
    assert lines[-2:] == ["bad \N{REPLACEMENT CHARACTER} byte", "no end"]


def test_tags_are_aligned_and_colored_only_on_a_terminal(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    plain, colored = io.StringIO(), Terminal()
    for stream in (plain, colored):
        Log(stream).line("web", "hello")
        Log(stream).line("broker", "hello")
    assert plain.getvalue() == "web         | hello\nbroker      | hello\n"
    assert colored.getvalue().startswith("\033[36mweb         |\033[0m hello\n")


def test_in_json_each_line_is_an_object_with_its_service(capsys):
    log = Log(sys.stdout, in_json=True)
    for text in ('{"timestamp": "t", "message": "m"}', "", "plain \x1b[2J", '{"a": NaN}'):
        log.line("worker", text)
    first, *others = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"timestamp": "t", "message": "m", "service": "worker"}
    assert [each.pop("message") for each in others] == ["plain \x1b[2J", '{"a": NaN}']
    assert [each.keys() for each in others] == [{"timestamp", "level", "service"}] * 2


@pytest.mark.parametrize(
    "in_json, shown", [(False, "5 \\u2192 \xfc"), (True, "5 \u2192 \xfc")]
)
def test_letters_that_the_locale_does_not_have_are_shown(in_json, shown):
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="latin-1")
    Log(stream, in_json=in_json).line("web", "5 \u2192 \xfc")
    assert shown in written.getvalue().decode("utf-8" if in_json else "latin-1")


def test_a_log_that_nobody_reads_does_not_end_the_product():
    read, write = os.pipe()
    os.close(read)
    with open(write, "w", buffering=1) as stream:
        log = Log(stream)
        log.line("web", "nobody reads this")
        log.line("web", "nor this")


def test_later_services_wait_for_a_first_one_that_is_ready_and_for_oneshots(log):
    answered = []

    async def answers():
        wait_for = pid_of(log, "broker")
        while not (log.all("(broker . up)") and is_alive(wait_for)):
            await asyncio.sleep(0.01)
        answered.append(len(log.lines))

    services = [
        shell("broker", f"echo up; {FOR_EVER}", readiness=answers, first=True),
        Service("db", ["sh", "-c", "echo upgraded"], oneshot="database upgrade"),
        shell("web", FOR_EVER),
    ]
    supervise(services, log, stop_when(log, "started web"))
    order = log.all(r"(started \w+|broker . up|db . upgraded)")
    assert order == ["started broker", "broker | up", "started db", "db | upgraded"] + [
        "started web"
    ]
    assert answered == [2]


def test_the_product_is_ready_again_when_a_service_has_come_back(log):
    readiness = []

    def on_ready():
        readiness.append(log.lines[-1])
        if len(readiness) == 1:
            os.kill(pid_of(log, "broker"), signal.SIGKILL)
        else:
            supervisor_box[0].stop()

    supervisor_box = []
    worker_answers = []

    async def answers():
        worker_answers.append("asked")

    services = [
        shell("broker", FOR_EVER, first=True),
        shell("worker", FOR_EVER, readiness=answers, needs=("broker",)),
    ]
    supervise(services, log, supervisor_box.append, on_ready=on_ready)
    assert len(readiness) == 2
    # The worker was not started again, but had to answer again.
    assert len(log.all("(started worker)")) == 1
    assert worker_answers == ["asked", "asked"]


def test_a_last_service_is_started_when_the_others_are_ready_and_counts_for_nothing(log):
    announced, readiness = [], asyncio.Event()

    async def ready():
        await readiness.wait()

    log.when("started web", readiness.set)
    services = [
        shell("worker", FOR_EVER, readiness=ready),
        shell("web", FOR_EVER),
        shell("maintenance", FOR_EVER, last=True),
    ]
    stop = stop_when(log, "started maintenance")
    supervise(services, log, stop, on_ready=lambda: announced.append(list(log.lines)))
    assert log.all(r"started (\w+)") == ["worker", "web", "maintenance"]
    assert len(announced) == 1 and not any("maintenance" in line for line in announced[0])


def test_a_last_service_does_not_wait_for_ever_for_one_that_is_not_ready(
    log, monkeypatch
):
    monkeypatch.setattr(supervisor, "_MAX_SECONDS_BEFORE_LAST", 0)
    services = [
        shell("worker", FOR_EVER, readiness=asyncio.Event().wait),
        shell("maintenance", FOR_EVER, last=True),
    ]
    supervise(services, log, stop_when(log, "started maintenance"))
    assert log.all(r"started (\w+)") == ["worker", "maintenance"]
    assert log.all(r"(\w+) has stopped") == ["maintenance", "worker"]


def test_services_are_restarted_on_request_without_a_pause_and_as_often_as_one_likes(log):
    times = 5  # a service that ends by itself so often, and is never ready, is given up
    slow = DEADLINE
    services = [
        shell("broker", FOR_EVER),
        shell(
            "web", f"echo here; {FOR_EVER}", pause=slow, readiness=asyncio.Event().wait
        ),
    ]

    def prepare(supervisor):
        def restart():
            tasks.append(asyncio.ensure_future(supervisor.renew(["web", "other"])))

        for number in range(1, times):
            log.when("web . here", restart, number)
        log.when("web . here", supervisor.stop, times)

    tasks = []
    supervise(services, log, prepare)
    assert len(log.all("(started web)")) == times
    assert len(log.all("(started broker)")) == 1
    assert all(task.done() for task in tasks)


@pytest.mark.parametrize("overlaps", [False, True])
def test_a_process_that_is_at_work_finishes_it_while_its_successor_runs(log, overlaps):
    script = "trap 'echo retired' USR2; echo up; while :; do sleep 0.01; done"
    options = {"retire": signal.SIGUSR2, "overlaps": overlaps}
    both = []

    def prepare(supervisor):
        def renew():
            renewed.append(asyncio.ensure_future(supervisor.renew(["worker"])))

        def stop_when_both_run():
            if log.all("worker . (retired)") and len(log.all("worker . (up)")) == 2:
                both.extend(is_alive(pid_of(log, "worker", number)) for number in (0, 1))
                supervisor.stop()

        log.when("worker . up", renew)
        log.hooks.append(("worker . (up|retired)", stop_when_both_run))

    renewed = []
    supervise([shell("worker", script, **options)], log, prepare)
    assert both == [True, True]
    assert not any(is_alive(pid_of(log, "worker", number)) for number in (0, 1))
    assert not log.all("worker has ended (.*)")


@pytest.mark.parametrize("overlaps", [False, True])
def test_a_process_that_was_never_ready_ends_before_its_successor_starts(log, overlaps):
    first = []

    async def ready():
        await asyncio.Event().wait()

    def prepare(supervisor):
        def look():
            first.append(is_alive(pid_of(log, "web")))
            supervisor.stop()

        log.when("web . up", lambda: asyncio.ensure_future(supervisor.renew(["web"])))
        log.when("web . up", look, times=2)

    options = {"retire": signal.SIGUSR2, "overlaps": overlaps, "readiness": ready}
    script = "trap 'echo retired' USR2; echo up; while :; do sleep 0.01; done"
    supervise([shell("web", script, **options)], log, prepare)
    assert first == [False]


def test_a_service_whose_successor_does_not_start_goes_on(log, tmp_path):
    mark = tmp_path / "mark"
    script = f"test -e {mark} && exit 3; touch {mark}; echo up; {FOR_EVER}"

    asked = []

    async def ready():
        asked.append("ready?")
        while len(asked) > 1 or not log.all("web . (up)"):
            await asyncio.sleep(0.01)

    def renew():
        asyncio.ensure_future(running[0].renew(["web"]))

    def prepare(supervisor):
        running.append(supervisor)
        log.when("web does not start", supervisor.stop)

    running = []

    options = {"retire": signal.SIGTERM, "overlaps": True, "readiness": ready}
    supervise([shell("web", script, **options)], log, prepare, on_ready=renew)
    assert log.all(r"web does not start \((.*)\)") == ["exit status 3"]
    assert len(log.all("(started web)")) == 2


def test_a_oneshot_that_fails_stops_what_runs_and_is_named(log):
    services = [
        shell("broker", FOR_EVER, first=True),
        Service(
            "db",
            ["sh", "-c", "echo no such table; exit 4"],
            oneshot="database upgrade",
        ),
        shell("web", FOR_EVER),
    ]
    with pytest.raises(LauncherError, match=r"database upgrade failed \(exit status 4\)"):
        supervise(services, log)
    assert "db | no such table" in log.lines
    assert not log.all("(started web)")
    assert not is_alive(pid_of(log, "broker"))


def test_a_service_that_is_never_ready_and_dies_is_given_up(log):
    async def never():
        await asyncio.Event().wait()

    services = [shell("broker", FOR_EVER), shell("web", "exit 1", readiness=never)]
    with pytest.raises(LauncherError, match="web does not start .3 attempts"):
        supervise(services, log)
    assert not is_alive(pid_of(log, "broker"))


def test_a_program_that_does_not_exist_is_named(log):
    with pytest.raises(
        LauncherError, match="cannot start /no/such/program: No such file"
    ):
        supervise([Service("web", ["/no/such/program"])], log)


def test_services_are_kept_running_when_the_reaper_was_killed(log):
    async def run():
        reaper = OrphanReaper()
        reaper._process.kill()
        reaper._process.wait()
        supervisor = Supervisor([shell("web", "exit 3")], log=log, reaper=reaper)
        log.when("has ended", supervisor.stop, times=2)
        await asyncio.wait_for(supervisor.run(), DEADLINE)
        reaper.close()

    asyncio.run(run())
    assert len(log.all("(started web)")) == 2


LAUNCHER = """
    import asyncio, signal, sys
    from qhana_plugin_runner.launcher.log import Log
    from qhana_plugin_runner.launcher.orphan_reaper import OrphanReaper
    from qhana_plugin_runner.launcher.service import Service
    from qhana_plugin_runner.launcher.supervisor import Supervisor

    async def main():
        reaper = OrphanReaper()
        script = "trap '' TERM INT HUP; sleep 1000 & echo pids $$ $!; wait"
        stop = ((signal.SIGTERM, 1000.0),)
        command = ["sh", "-c", script]
        services = [Service(name, command, stop=stop) for name in ("worker", "web")]
        await Supervisor(services, log=Log(sys.stdout), reaper=reaper).run()
        reaper.close()

    asyncio.run(main())
"""


@pytest.fixture
def launcher():
    """A launcher with two stubborn services; and the numbers of their processes."""
    command = [sys.executable, "-c", textwrap.dedent(LAUNCHER)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        pids = []
        while len(pids) < 4:
            match = re.search(r"pids (\d+) (\d+)", process.stdout.readline())
            pids += map(int, match.groups()) if match else []
        yield process, pids
        process.kill()


def test_a_launcher_that_is_killed_leaves_no_process(launcher):
    process, pids = launcher
    assert all(map(is_alive, pids))
    process.kill()
    wait_until(lambda: not any(map(is_alive, pids)), DEADLINE, "all services dead")


def test_a_second_interrupt_kills_at_once(launcher):
    process, pids = launcher
    process.send_signal(signal.SIGINT)
    while "SIGINT: stopping" not in process.stdout.readline():
        pass
    assert all(map(is_alive, pids))
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE) == 0
    assert not any(map(is_alive, pids))
