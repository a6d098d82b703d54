"""The jobs are done again and again, by one process, whatever fails."""

import queue
import threading

import pytest
from flask import current_app
from helpers.runner import runner
from helpers.services import broker
from helpers.worker import NO_BROKER, QUICK
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from sqlalchemy import text

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.leases import MaintenanceLease
from qhana_plugin_runner.operations import Maintenance, runs_maintenance
from qhana_plugin_runner.operations.jobs import JOBS, Job

SOON, NEVER = "SOON", "NEVER"
BROWSER = {"User-Agent": "Mozilla/5.0"}


@pytest.fixture
def app(working_app):
    working_app.config.update(SOON=0.01, NEVER=3600.0)
    return working_app


@pytest.fixture
def maintain(app):
    """Start the maintenance with some jobs; it stops with the test."""
    started = []

    def start(*jobs):
        maintenance = Maintenance(app, jobs=jobs)
        started.append(maintenance)
        maintenance.start()
        return maintenance

    yield start
    for maintenance in started:
        maintenance.stop()


class Runs:
    """A job that notes each run.

    Args:
        outcomes: what the first runs return, or raise
    """

    def __init__(self, name="job", interval=SOON, outcomes=()):
        self.job = Job(name, interval, lambda: self)
        self._outcomes = list(outcomes)
        self._runs = queue.SimpleQueue()

    def __call__(self):
        self._runs.put(current_app.name)
        outcome = self._outcomes.pop(0) if self._outcomes else None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def wait(self):
        """Wait for the next run."""
        return self._runs.get(timeout=60)

    @property
    def is_idle(self):
        return self._runs.empty()


def names_of_threads():
    return [t.name for t in threading.enumerate() if t.name.startswith("maintenance-")]


def test_jobs_are_done_again_and_again_in_the_context_of_the_app(app, maintain):
    first, second = Runs("first"), Runs("second")
    maintain(first.job, second.job)
    for _ in range(3):
        assert first.wait() == second.wait() == app.name


def test_a_job_is_not_done_before_its_interval_is_over(maintain):
    seldom, often = Runs("seldom", NEVER), Runs("often")
    maintain(seldom.job, often.job)
    seldom.wait()
    for _ in range(20):
        often.wait()
    assert seldom.is_idle


def test_a_job_with_more_to_do_is_called_again_without_a_pause(maintain):
    runs = Runs(interval=NEVER, outcomes=[True, True, False])
    maintain(runs.job)
    for _ in range(3):
        runs.wait()


@pytest.mark.parametrize("error", [ValueError("a fault"), SystemError("another one")])
def test_a_job_that_fails_goes_on_and_is_in_the_log(maintain, caplog, error):
    runs = Runs(outcomes=[error])
    maintain(runs.job)
    runs.wait()
    runs.wait()
    assert "maintenance job has failed" in caplog.text
    assert str(error) in caplog.text


def test_a_job_goes_on_when_the_database_has_failed(maintain, caplog):
    def fail_once():
        runs()
        if "database" not in caplog.text:
            DB.session.execute(text("SELECT no_such_function()"))

    runs = Runs()
    maintain(Job("job", SOON, lambda: fail_once))
    runs.wait()
    runs.wait()
    assert "maintenance job: the database fails: no such function" in caplog.text


@pytest.mark.parametrize(
    "statement",
    ["SELECT * FROM gone", 'SELECT gone FROM "MaintenanceLease"'],
    ids=["table", "column"],
)
def test_a_job_says_once_that_the_database_is_to_be_upgraded(maintain, caplog, statement):
    def work():
        runs()
        DB.session.execute(text(statement))

    runs = Runs()
    maintain(Job("job", SOON, lambda: work))
    for _ in range(4):
        runs.wait()
    assert caplog.text.count("run `flask db upgrade`") == 1
    assert caplog.text.count("gone") == 1


def test_a_job_goes_on_at_once_when_the_broker_has_failed(app, maintain, caplog):
    app.config["MAINTENANCE_LEASE_SECONDS"] = 3600.0
    runs = Runs(outcomes=[RedisError("away"), OperationalError("away, too")])
    maintain(runs.job)
    for _ in range(3):
        runs.wait()
    assert "maintenance job: the broker fails: away, too" in caplog.text


def test_a_job_that_takes_long_holds_up_no_other_one(maintain):
    is_over = threading.Event()
    begun = threading.Event()

    def take_long():
        begun.set()
        assert is_over.wait(60)

    other = Runs("other")
    maintain(Job("long", SOON, lambda: take_long), other.job)
    try:
        assert begun.wait(60)
        for _ in range(5):
            other.wait()
    finally:
        is_over.set()


def test_what_a_job_does_not_commit_is_not_kept(app, maintain):
    def leave():
        DB.session.add(MaintenanceLease("left", "behind", DB.func.now()))
        DB.session.flush()
        runs()

    runs = Runs()
    maintain(Job("job", SOON, lambda: leave))
    for _ in range(3):
        runs.wait()  # a second row of this name would have failed
    with app.app_context():
        assert DB.session.get(MaintenanceLease, "left") is None


def test_a_second_process_takes_over_when_the_first_one_stops(app, maintain):
    first, second = Runs(), Runs()
    maintenance = maintain(first.job)
    first.wait()
    maintain(second.job)
    for _ in range(20):
        first.wait()
    assert second.is_idle
    maintenance.stop()
    second.wait()


def test_a_second_process_takes_over_when_the_first_one_does_not_extend(app, maintain):
    is_over = threading.Event()
    begun = threading.Event()

    def hang():
        begun.set()
        assert is_over.wait(60)

    second = Runs("job")
    maintain(Job("job", SOON, lambda: hang))
    try:
        assert begun.wait(60)
        maintain(second.job)
        second.wait()
    finally:
        is_over.set()


def test_no_thread_and_no_lease_are_left(app, maintain):
    runs = Runs()
    maintenance = maintain(runs.job)
    maintenance.start()  # a second time does nothing
    runs.wait()
    assert names_of_threads() == ["maintenance-job"]
    maintenance.stop()
    assert names_of_threads() == []
    with app.app_context():
        assert DB.session.get(MaintenanceLease, "job") is None


@pytest.mark.parametrize(
    "settings",
    [
        {"TESTING": True, "CELERY": NO_BROKER},
        {"TESTING": False, "CELERY": QUICK},
        {"TESTING": False, "CELERY": NO_BROKER, "MAINTENANCE": False},
    ],
    ids=["testing", "broker in memory", "switched off"],
)
def test_nothing_is_done_where_it_is_not_wanted(tmp_path, settings):
    with runner(tmp_path, PLUGIN_FOLDERS=[], **settings) as app:
        assert not runs_maintenance(app)
        app.test_client().get("/", headers=BROWSER)
        app.extensions["qhana_maintenance"].start_in_web_process()
        assert names_of_threads() == []


@pytest.mark.parametrize(
    "headers", [BROWSER, {"User-Agent": ""}], ids=["browser", "unnamed"]
)
def test_the_first_request_that_any_server_gets_starts_it(working_app, headers):
    maintenance, client = (
        working_app.extensions["qhana_maintenance"],
        working_app.test_client(),
    )
    client.get("/")
    assert names_of_threads() == []
    try:
        for _ in range(2):
            client.get("/", headers=headers)
            assert len(names_of_threads()) == len(JOBS)
    finally:
        maintenance.stop()


def test_every_job_has_a_name_and_an_interval_of_its_own(app):
    names = [job.name for job in JOBS]
    assert len(set(names)) == len(names) > 0
    assert all(app.config[job.interval] > 0 for job in JOBS)


def test_all_jobs_of_the_runner_work(tmp_path, caplog):
    done = {job.name: threading.Event() for job in JOBS}

    def noting(job):
        work = job.prepare()

        def run():
            more = work()
            done[job.name].set()
            return more

        return job._replace(prepare=lambda: run)

    with broker(tmp_path) as url:
        celery = {"broker_url": url, "result_backend": url}
        with runner(tmp_path, PLUGIN_FOLDERS=[], TESTING=False, CELERY=celery) as app:
            maintenance = Maintenance(app, jobs=tuple(map(noting, JOBS)))
            maintenance.start()
            try:
                assert all(event.wait(60) for event in done.values())
            finally:
                maintenance.stop()
    # An app serves all plugins of the process: those of other tests may deserve findings.
    others = "qhana_plugin_runner.checks.metadata"
    wrong = [r for r in caplog.records if r.levelname in ("WARNING", "ERROR")]
    assert [r for r in wrong if r.name != others] == []
