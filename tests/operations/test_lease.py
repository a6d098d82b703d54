"""Of all that want to do some work, one does."""

import subprocess
import sys
import threading

import pytest
from helpers.databases import on_each_database
from helpers.product import CHECKOUT, outside_environment
from sqlalchemy import update

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import database_time
from qhana_plugin_runner.db.models.leases import MaintenanceLease
from qhana_plugin_runner.operations.lease import hold_lease, release_lease

pytestmark = on_each_database

LONG = 3600

# Takes 20 leases as soon as it is told to, and prints which of them it has got.
PROCESS = """
import sys
from qhana_plugin_runner import create_app
from qhana_plugin_runner.operations.lease import hold_lease
uri, holder = sys.argv[1:]
app = create_app(
    {"TESTING": True, "SQLALCHEMY_DATABASE_URI": uri, "PLUGIN_FOLDERS": []}, silent_log=True
)
with app.app_context():
    print("ready", flush=True)
    sys.stdin.readline()
    print(*(name for name in map(str, range(20)) if hold_lease(name, holder, 3600)))
"""


def expire(name):
    DB.session.execute(
        update(MaintenanceLease)
        .where(MaintenanceLease.name == name)
        .values(expires_at=database_time(-1))
    )
    DB.session.commit()


def test_the_first_one_gets_the_lease_and_the_second_one_does_not(context):
    assert hold_lease("work", "first", LONG)
    assert not hold_lease("work", "second", LONG)
    assert hold_lease("other work", "second", LONG)


def test_the_holder_can_extend_its_lease(context):
    assert hold_lease("work", "first", LONG)
    before = DB.session.get(MaintenanceLease, "work").expires_at
    assert hold_lease("work", "first", 2 * LONG)
    assert DB.session.get(MaintenanceLease, "work").expires_at > before


def test_a_lease_that_has_expired_is_taken_over(context):
    assert hold_lease("work", "first", LONG)
    expire("work")
    assert hold_lease("work", "second", LONG)
    assert not hold_lease("work", "first", LONG)


def test_a_lease_that_is_given_back_is_free(context):
    assert hold_lease("work", "first", LONG)
    release_lease("work", "first")
    assert hold_lease("work", "second", LONG)


def test_nobody_gives_back_the_lease_of_another_one(context):
    assert hold_lease("work", "first", LONG)
    release_lease("work", "second")
    assert not hold_lease("work", "second", LONG)


@pytest.mark.parametrize("is_there", [False, True])
def test_of_many_threads_at_once_one_gets_it(app, is_there):
    names = [f"work {number}" for number in range(5)]
    if is_there:
        with app.app_context():
            for name in names:
                assert hold_lease(name, "one that has died", LONG)
                expire(name)
    count = 6
    start = threading.Barrier(count)
    held = []

    def take(holder):
        with app.app_context():
            for name in names:
                start.wait(60)
                if hold_lease(name, holder, LONG):
                    held.append(name)

    threads = [threading.Thread(target=take, args=(f"{n}",)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(held) == names


def test_of_two_processes_at_once_one_gets_it(app):
    with app.app_context():
        uri = DB.engine.url.render_as_string(hide_password=False)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, uri, holder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env=outside_environment(),
        )
        for holder in ("first", "second")
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60)[0].split() for process in processes]
    held = [name for names in answers for name in names]
    assert sorted(held, key=int) == [str(number) for number in range(20)]
