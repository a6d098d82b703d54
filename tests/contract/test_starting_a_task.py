"""How plugins start tasks, and what becomes of them."""

import re
from pathlib import Path

import pytest
from helpers.commands import in_a_process
from helpers.outbox import delivering
from helpers.processes import wait_until
from helpers.receiver import receiving

from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskUpdateSubscription
from qhana_plugin_runner.tasks import (
    TASK_DETAILS_CHANGED,
    TASK_STATUS_CHANGED,
    TASK_STEPS_CHANGED,
    add_step,
    save_task_error,
    save_task_result,
)
from qhana_plugin_runner.util.config.celery_config import CELERY_PRODUCTION_CONFIG

WRITTEN = Path(__file__).with_name("written_plugins")
POET = "/plugins/poet@v0-1-0"


@pytest.fixture
def signals():
    """The signals that are sent, in their order."""
    heard = []

    def listen(name):
        return lambda sender, task_id: heard.append(name)

    listeners = {
        TASK_STATUS_CHANGED: listen("status"),
        TASK_STEPS_CHANGED: listen("steps"),
        TASK_DETAILS_CHANGED: listen("details"),
    }
    for signal, listener in listeners.items():
        signal.connect(listener)
    yield heard
    for signal, listener in listeners.items():
        signal.disconnect(listener)


def fresh(task):
    DB.session.rollback()
    DB.session.refresh(task)
    return task


# the usual way


def test_a_process_view_answers_with_303_to_its_task(client, finished):
    answer = client.post(f"{POET}/process/", data={"title": "Rose"})
    assert answer.status_code == 303
    assert re.fullmatch(r"/tasks/\d+/", answer.location)
    finished(answer)


def test_the_chain_ends_in_success_with_log_and_result(client, finished):
    status = finished(client.post(f"{POET}/process/", data={"title": "Rose"}))
    assert (status["status"], status["log"]) == ("SUCCESS", "bound to poet@v0-1-0.write")
    (output,) = status["outputs"]
    assert output["dataType"] == "custom/poem"
    assert client.get(output["href"], buffered=True).text == '{"title": "Rose"}'


def test_a_failing_chain_ends_in_failure_with_the_exception(client, finished):
    status = finished(client.get(f"{POET}/start/fails/"))
    assert status["status"] == "FAILURE"
    assert "ValueError: no rhyme for orange" in status["log"]
    assert "Traceback" in status["log"]


# steps


def test_a_chain_may_end_in_a_step_and_go_on_later(client, finished, waiting, signals):
    answer = client.get(f"{POET}/steps/")
    status = waiting(answer)
    (step,) = status["steps"]
    assert (status["status"], status["log"]) == ("PENDING", "asked")
    assert step["stepId"] == "title" and not step["cleared"]
    status = finished(client.post(step["href"], data={"title": "Violet"}))
    assert status["status"] == "SUCCESS"
    assert [each["cleared"] for each in status["steps"]] == [True]
    assert client.get(status["outputs"][0]["href"], buffered=True).text == "Violet"
    # the new step; the view that clears it; the end
    assert signals == ["steps", "details", "steps", "status", "details"]


def test_the_urls_of_a_step_may_be_relative(client, waiting):
    answer = client.get(f"{POET}/steps/")
    number = int(answer.location.split("/")[-2])
    (step,) = waiting(answer)["steps"]
    assert step["href"] == f"http://localhost{POET}/steps/{number}/"


def test_a_step_may_bring_its_own_progress(client, waiting):
    progress = waiting(client.get(f"{POET}/steps/?progress=1"))["progress"]
    assert progress == {"value": 3, "start": 1, "target": 9, "unit": "lines"}


def test_an_immutable_step_brings_the_log_itself(client, waiting):
    assert waiting(client.get(f"{POET}/steps/?immutable=1"))["log"] == "asked"


# tasks


def test_a_task_is_bound_runs_in_an_app_context_takes_db_id_and_returns_text(
    client, finished
):
    status = finished(client.get(f"{POET}/start/write/"))
    assert status["log"] == "bound to poet@v0-1-0.write"


def test_a_task_may_return_nothing(client, finished):
    status = finished(client.get(f"{POET}/start/silent/"))
    assert (status["status"], status["log"]) == ("SUCCESS", "")


@pytest.mark.parametrize(
    ("name", "log"),
    [
        ("returns_replace", "ROSES"),
        ("raises_replace", "ROSES"),
        ("as_chord", "roses / violets"),
        ("polls", "5 looks"),
    ],
)
@pytest.mark.filterwarnings("ignore:task_allow_error_cb_on_chord_header")
def test_a_task_may_replace_itself_retry_or_fan_out(client, finished, name, log):
    status = finished(client.get(f"{POET}/start/{name}/"))
    assert (status["status"], status["log"]) == ("SUCCESS", log)


def test_periodic_tasks_are_set_up_after_celery_is_finalised(tmp_path):
    # Celery is finalised once in a process, long before this test.
    printed = in_a_process(
        """\
        from qhana_plugin_runner.celery_worker import CELERY
        CELERY.finalize()
        entry = CELERY.conf.beat_schedule["every night"]
        print(entry["task"], entry["schedule"])
        """,
        PLUGIN_FOLDERS=str(WRITTEN),
        QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(tmp_path),
    )
    assert printed == ["poet@v0-1-0.every_night", "86400"]


# ways that were seen, too


def test_a_task_may_be_sent_alone(client, worker, context):
    answer = client.get(f"{POET}/alone/")
    task = ProcessingTask.get_by_id(int(answer.location.split("/")[-2]))

    wait_until(lambda: fresh(task).data == {"by": "itself"}, 60, "the work")
    assert task.task_log == "on my own"


@pytest.mark.parametrize(
    ("view", "text"), [("preview", "a preview"), ("preview-by-id", "by id")]
)
def test_a_view_may_wait_for_a_preview_while_a_step_is_open(client, waiting, view, text):
    answer = client.get(f"{POET}/steps/")
    waiting(answer)
    number = answer.location.split("/")[-2]
    assert client.get(f"{POET}/{view}/{number}/").json == {"preview": text}
    status = client.get(answer.location).json
    assert (status["status"], status["log"]) == ("PENDING", "asked")


def test_options_that_celery_does_not_know_do_no_harm(client, finished):
    assert finished(client.get(f"{POET}/options/"))["status"] == "SUCCESS"


def test_a_view_may_finish_its_task_itself(client, finished):
    status = finished(client.get(f"{POET}/at-once/"))
    assert (status["status"], status["log"]) == ("SUCCESS", "done at once")


def test_a_view_may_open_the_first_step_itself(client, finished):
    answer = client.get(f"{POET}/wait/")
    (step,) = client.get(answer.location).json["steps"]
    status = finished(client.post(step["href"], data={"title": "Late"}))
    assert status["status"] == "SUCCESS"


def test_retry_may_be_used_to_poll_without_limit(client, finished):
    from poet import tasks

    assert tasks.polls.max_retries is None
    assert finished(client.get(f"{POET}/start/polls/"))["log"] == "5 looks"


def test_what_is_committed_after_the_message_is_sent_is_lost_on_neither_side(
    client, finished, context
):
    answer = client.get(f"{POET}/publish-first/")
    assert finished(answer)["log"] == "added"
    task = ProcessingTask.get_by_id(int(answer.location.split("/")[-2]))
    assert task.data == {"by view": True, "by worker": ["by view"]}


def test_there_is_always_a_result_backend_and_results_are_never_ignored(client):
    assert CELERY_PRODUCTION_CONFIG["result_backend"]
    assert not CELERY_PRODUCTION_CONFIG.get("task_ignore_result")
    assert not CELERY.conf.task_ignore_result


# the runner's tasks


def test_save_task_error_is_bound_and_gets_the_id_of_what_failed_only(task, client):
    from poet import tasks

    failed = tasks.fails.s(db_id=task.id).apply()
    CELERY.backend.store_result(
        failed.id, failed.result, "FAILURE", traceback=failed.traceback
    )
    save_task_error(failed.id, db_id=task.id)
    assert fresh(task).task_status == "FAILURE"
    assert "no rhyme for orange" in task.task_log
    assert "Traceback" in task.task_log


def test_exception_and_traceback_are_known_of_tasks_that_ignore_results(client, finished):
    status = finished(client.get(f"{POET}/start/fails_silently/"))
    assert status["status"] == "FAILURE"
    assert "ValueError: no rhyme for orange" in status["log"]
    assert "Traceback" in status["log"]


@pytest.mark.parametrize("log", [None, 5, ["x"]])
def test_add_step_needs_text(task, log):
    with pytest.raises(TypeError):
        add_step(log, db_id=task.id, step_id="s", href="h", ui_href="u")


def test_save_task_result_takes_text_or_nothing(task):
    with pytest.raises(TypeError):
        save_task_result(5, db_id=task.id)
    save_task_result(None, db_id=task.id)
    assert fresh(task).is_ok


def test_an_unknown_task_is_a_key_error(context):
    with pytest.raises(KeyError, match="99999"):
        save_task_result("log", db_id=99999)
    with pytest.raises(KeyError, match="99999"):
        add_step("log", db_id=99999, step_id="s", href="h", ui_href="u")


def test_without_progress_steps_are_counted(task):
    for number in range(3):
        add_step("log", db_id=task.id, step_id=f"{number}", href="h", ui_href="u")
        fresh(task)
        progress = (task.progress_value, task.progress_start, task.progress_target)
        assert (*progress, task.progress_unit) == (number, 0, number + 1, "")
        task.clear_previous_step(commit=True)


def test_the_end_raises_progress_to_its_target_when_there_was_some(task):
    task.progress_value, task.progress_target = 3, 7
    task.save(commit=True)
    save_task_result("", db_id=task.id)
    assert fresh(task).progress_value == 7


@pytest.mark.parametrize("value", [None, 0])
def test_the_end_leaves_progress_of_nothing_as_it_is(task, value):
    task.progress_value = value
    task.save(commit=True)
    save_task_result("", db_id=task.id)
    assert fresh(task).progress_value == value


def test_the_end_clears_an_open_step(task):
    add_step("", db_id=task.id, step_id="s", href="h", ui_href="u")
    save_task_result("", db_id=task.id)
    assert [step.cleared for step in fresh(task).steps] == [True]


def test_a_new_step_sends_steps_then_details(task, signals):
    add_step("", db_id=task.id, step_id="s", href="h", ui_href="u")
    assert signals == ["steps", "details"]


def test_the_end_sends_status_and_details(task, signals):
    save_task_result("", db_id=task.id)
    assert signals == ["status", "details"]


def test_the_end_sends_steps_as_well_when_it_clears_one(task, signals):
    add_step("", db_id=task.id, step_id="s", href="h", ui_href="u")
    signals.clear()
    save_task_result("", db_id=task.id)
    assert sorted(signals) == ["details", "status", "steps"]


def subscribe(client, task_url, webhook, event, command="subscribe"):
    body = {"command": command, "webhookHref": webhook, "event": event}
    assert client.post(task_url, json=body).status_code == 200


def test_a_subscription_to_no_event_gets_each_of_them(app, client, waiting, finished):
    with receiving() as receiver, delivering(app):
        answer = client.get(f"{POET}/wait/")
        subscribe(client, answer.location, receiver.url, None)
        (step,) = client.get(answer.location).json["steps"]
        finished(client.post(step["href"], data={"title": "x"}))
        heard = {receiver.next_event()[1] for _ in range(3)}
    assert heard == {"steps", "status", "details"}


def test_unsubscribing_without_event_removes_only_the_subscription_to_all(
    client, context
):
    answer = client.get(f"{POET}/wait/")
    for event in (None, "status", "steps"):
        subscribe(client, answer.location, "http://x/", event)
    body = {"command": "unsubscribe", "webhookHref": "http://x/"}
    assert client.post(answer.location, json=body).status_code == 200
    number = int(answer.location.split("/")[-2])
    query = DB.select(TaskUpdateSubscription.event_type).filter_by(task_id=number)
    assert sorted(DB.session.execute(query).scalars()) == ["status", "steps"]
