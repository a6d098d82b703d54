"""A real worker behind a real broker: what plugins send comes to its end."""

import sys

import pytest
from celery import chain, chord, group
from helpers.processes import wait_until
from helpers.runner import runner
from helpers.services import broker, worker

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasks import add_step, save_task_error, save_task_result

SECONDS = 60

# The other value of this setting calls error callbacks without the id of what failed.
chords = pytest.mark.filterwarnings("ignore:task_allow_error_cb_on_chord_header")


@pytest.fixture(scope="module")
def app(tmp_path_factory, plugin_folders, database_of_module):
    folder = tmp_path_factory.mktemp("runner")
    with broker(tmp_path_factory.mktemp("broker")) as url:
        celery = {"broker_url": url, "result_backend": url}
        settings = {"PLUGIN_FOLDERS": plugin_folders, **database_of_module}
        with runner(folder, CELERY=celery, **settings) as app:
            database = app.config["SQLALCHEMY_DATABASE_URI"]
            with worker(folder, url, plugin_folders, "--pool", "solo", database=database):
                yield app
            CELERY.close()


@pytest.fixture
def habits(app):
    return sys.modules["habits"]


def status_of(client, url):
    return client.get(url).get_json()


def finished(client, url):
    wait_until(lambda: status_of(client, url)["status"] != "PENDING", SECONDS, "the end")
    return status_of(client, url)


@pytest.fixture
def run(app):
    """Run what the function makes of a task's id, as plugins do, and return the status."""

    def run(make_chain, **options):
        with app.app_context():
            task = ProcessingTask("a-task")
            task.save(commit=True)
            number = task.id
            work = make_chain(number) | save_task_result.s(db_id=number)
            work.link_error(save_task_error.s(db_id=number))
            work.apply_async(**options)
        return finished(app.test_client(), f"/tasks/{number}/")

    return run


def test_a_greeting_comes_to_success_and_its_file_can_be_downloaded(app):
    client = app.test_client()
    process = "/plugins/hello-world@v1-0-0/process/"
    answer = client.post(process, data={"inputStr": "Wörld"})
    assert answer.status_code == 303
    status = finished(client, answer.location)
    assert (status["status"], status["log"]) == ("SUCCESS", "Hello Wörld!")
    (output,) = status["outputs"]
    assert (output["name"], output["contentType"]) == ("hello.txt", "text/plain")
    assert client.get(output["href"], buffered=True).text == "Hello Wörld!"


def test_an_error_is_told_in_one_line_with_the_traceback_below(run, habits):
    status = run(lambda number: habits.fail.s("bad\n value", db_id=number))
    assert status["status"] == "FAILURE"
    first, *others = status["log"].split("\n")
    assert first == "Task failed with ValueError: bad value"
    assert others[0].startswith("Traceback")
    assert any("habits.py" in line for line in others)
    assert others[-2:] == ["ValueError: bad", " value"]


@pytest.mark.parametrize("message", ["NUL \0 inside", "lone \ud800 surrogate"])
def test_an_error_with_odd_characters_ends_the_task(run, habits, message):
    status = run(lambda number: habits.fail.s(message, db_id=number))
    assert status["status"] == "FAILURE"
    assert "ValueError" in status["log"]


def test_an_error_of_a_task_that_ignores_results_is_told_too(run, habits):
    status = run(lambda number: habits.fail_silently.s("silent", db_id=number))
    assert status["log"].startswith("Task failed with ValueError: silent\nTraceback")


def test_an_error_in_the_middle_of_a_chain_ends_the_task(run, habits):
    status = run(
        lambda number: chain(
            habits.echo.s("one", db_id=number),
            habits.fail.s(db_id=number),
            habits.add_mark.s(db_id=number),
        )
    )
    assert (status["status"], status["log"].split("\n")[0]) == (
        "FAILURE",
        "Task failed with ValueError: one",
    )


def test_a_result_that_is_no_text_ends_the_task_with_the_reason(run, habits):
    status = run(lambda number: habits.echo.s(5, db_id=number))
    assert status["status"] == "FAILURE"
    assert status["log"].startswith(
        "Task failed with TypeError: save_task_result got int"
    )


@pytest.mark.parametrize(
    "name, log",
    [
        ("replace", "replaced!"),
        ("raise_replace", "raised"),
        ("fan_out", "3 parts: part 0, part 1, part 2"),
        ("retry", "3 tries"),
    ],
)
def test_what_a_task_puts_in_its_place_comes_to_success(run, habits, name, log):
    status = run(lambda number: getattr(habits, name).s(db_id=number))
    assert (status["status"], status["log"]) == ("SUCCESS", log)


@chords
def test_a_chord_comes_to_success(run, habits):
    def parts(number):
        header = group(habits.echo.s(text, db_id=number) for text in "ab")
        return chord(header, habits.count.s(db_id=number))

    assert run(parts)["log"] == "2 parts: a, b"


@chords
def test_an_error_in_a_part_of_a_chord_ends_the_task(run, habits):
    def parts(number):
        header = [habits.echo.s("a", db_id=number), habits.fail.s("b", db_id=number)]
        return chord(group(header), habits.count.s(db_id=number))

    assert run(parts)["status"] == "FAILURE"


def test_options_that_celery_does_not_know_are_passed_over(run, habits):
    status = run(
        lambda number: habits.echo.s("fine", db_id=number), db_id=7, url="x", hash="y"
    )
    assert status["log"] == "fine"


def test_a_task_with_a_step_waits_and_then_goes_on(app, habits):
    client = app.test_client()
    with app.app_context():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        number = task.id
        step = {"step_id": "step", "href": "1/process/", "ui_href": "1/ui/"}
        work = habits.echo.s("first", db_id=number) | add_step.s(db_id=number, **step)
        work.link_error(save_task_error.s(db_id=number))
        work.apply_async()
    url = f"/tasks/{number}/"
    wait_until(lambda: "steps" in status_of(client, url), SECONDS, "the step")
    status = status_of(client, url)
    assert (status["status"], status["log"]) == ("PENDING", "first")
    assert status["steps"][0]["href"] == f"http://localhost{url}1/process/"
    with app.app_context():
        work = habits.echo.s("second", db_id=number) | save_task_result.s(db_id=number)
        work.apply_async()
    status = finished(client, url)
    assert (status["status"], status["log"]) == ("SUCCESS", "first\nsecond")
    assert status["steps"][0]["cleared"] is True


def test_a_view_may_wait_for_a_result(app, habits):
    with app.app_context():
        result = habits.who_am_i.s(db_id=1).apply_async(expires=15)
        assert result.get(timeout=SECONDS) == result.id
        later = habits.echo.s("later", db_id=1).apply_async()
        assert CELERY.AsyncResult(later.id).get(timeout=SECONDS) == "later"
        failing = habits.fail.s("no", db_id=1).apply_async()
        with pytest.raises(ValueError, match="no"):
            failing.get(timeout=SECONDS)
