"""Attacks on the secrets of tasks: on what is stored, sent, shown and logged."""

import io
import json
import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from traceback import format_exception
from urllib.parse import quote

import marshmallow as ma
import pytest
from celery.exceptions import Retry
from flask import g
from helpers.databases import on_each_database
from helpers.processes import wait_until
from helpers.runner import runner
from helpers.services import broker, worker
from redis import Redis
from sqlalchemy import select

from qhana_plugin_runner.api.util import FrontendFormBaseSchema, SecretField
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.secrets import TaskSecret
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.operations.retention import apply_retention
from qhana_plugin_runner.security.secrets import RevealError, reveal
from qhana_plugin_runner.tasking import life_cycle
from qhana_plugin_runner.tasking.removal import remove_task
from qhana_plugin_runner.tasks import add_step, save_task_result
from qhana_plugin_runner.util.logging import SafeFormatter
from qhana_plugin_runner.util.redaction import hidden, hide, hiding
from qhana_plugin_runner.util.secret_references import is_reference

PLUGINS = Path(__file__).with_name("secret_plugins")
TWO_STEPS, DOWNLOAD = "/plugins/two-steps@v1-0-0/", "/plugins/private-download@v1-0-0/"
KEY = "9c1f0b7a5d3e48f6a2b4c6d8e0f1a3b5"
SECRET = "hunter2 & Größe"
SECONDS = 60


class LoginSchema(FrontendFormBaseSchema):
    user = ma.fields.String()
    password = SecretField(required=True, validate=ma.validate.Length(min=5))
    pin = SecretField()


def sent(app, **values):
    """Return the context of a request that has sent a form."""
    return app.test_request_context("/", method="POST", data=values)


def start(app, **values):
    """Start a task as a view does; return its id and its reference."""
    with sent(app):
        loaded = LoginSchema().load({"password": SECRET, **values})
        task = ProcessingTask("a-task", parameters=LoginSchema().dumps(loaded))
        task.save(commit=True)
        return task.id, loaded["password"]


def stored():
    return DB.session.execute(select(TaskSecret)).scalars().all()


@on_each_database
def test_only_the_reference_is_in_clear_columns_and_only_the_task_reads_the_secret(app):
    number, reference = start(app, user="me")
    other, _reference = start(app)
    with app.app_context():
        task = ProcessingTask.get_by_id(number)
        loaded = LoginSchema().loads(task.parameters)
        assert loaded == {"user": "me", "password": reference}
        assert reveal(reference, number) == SECRET
        with pytest.raises(RevealError, match=f"Task {other} has no such secret"):
            reveal(reference, other)
        (row,) = [each for each in stored() if each.task_id == number]
        assert row.reference == reference and SECRET[:7].encode() not in row.content


def test_the_same_secret_never_looks_the_same(app):
    tasks = [start(app) for _ in range(2)]
    with app.app_context():
        one, two = (row.content for row in stored())
    assert one[:12] != two[:12] and one[12:] != two[12:] and tasks[0] != tasks[1]


def test_ciphertext_moved_to_another_row(app):
    """Confused deputy: who may write to the table lets another task decrypt a secret."""
    number, reference = start(app)
    own, own_reference = start(app)
    with app.app_context():
        rows = {row.task_id: row for row in stored()}
        rows[own].content = rows[number].content
        DB.session.commit()
        with pytest.raises(RevealError, match="cannot be decrypted"):
            reveal(own_reference, own)


def test_ciphertext_changed(app):
    """Chosen ciphertext: a bit that is turned must not decrypt to another secret."""
    number, reference = start(app)
    with app.app_context():
        (row,) = stored()
        for place in (0, 12, -1):
            changed = bytearray(row.content)
            changed[place] ^= 1
            row.content = bytes(changed)
            DB.session.commit()
            with pytest.raises(RevealError):
                reveal(reference, number)


def test_secret_after_a_change_of_the_key(app):
    number, reference = start(app)
    app.config["SECRET_KEY"] = "another key, as long as the first one was"
    with app.app_context(), pytest.raises(RevealError, match="SECRET_KEY") as error:
        reveal(reference, number)
    assert SECRET not in str(error.value) and app.config["SECRET_KEY"] not in str(
        error.value
    )


def test_reference_of_another_task_as_a_form_value(app):
    """Who knows a reference and sends it gets its text, and not what it stands for."""
    number, reference = start(app)
    own, own_reference = start(app, password=reference, user=reference)
    assert own_reference != reference
    with app.app_context():
        assert reveal(own_reference, own) == reference
        with pytest.raises(RevealError):
            reveal(reference, own)
        assert [row.task_id for row in stored()] == [number, own]


def test_a_form_that_is_checked_or_wrong_leaves_nothing(app):
    with sent(app):
        assert LoginSchema().validate({"password": SECRET}) == {}
        errors = LoginSchema().validate({"password": "abc", "pin": SECRET})
        assert errors == {"password": ["Shorter than minimum length 5."]}
        assert LoginSchema().validate({"password": ""}) == {
            "password": ["Field may not be null."]
        }
        ProcessingTask("a-task", parameters="{}").save(commit=True)
        assert stored() == []
    with sent(app):
        assert "_qhana_secrets" not in g


def test_a_task_that_is_rolled_back_takes_its_secret_along(app):
    with sent(app):
        parameters = LoginSchema().dumps(LoginSchema().load({"password": SECRET}))
        task = ProcessingTask("a-task", parameters=parameters)
        task.save()
        DB.session.flush()
        assert len(stored()) == 1
        DB.session.rollback()
        assert stored() == []
        # Once more, in the same request.
        ProcessingTask("a-task", parameters=parameters).save(commit=True)
        assert len(stored()) == 1


def test_optional_secrets_and_lists_and_two_tasks_of_one_request(app):
    schema = FrontendFormBaseSchema.from_dict(
        {"one": SecretField(), "some": ma.fields.List(SecretField())}
    )()
    with sent(app):
        loaded = schema.load({"one": "", "some": ["first", "second"]})
        assert loaded["one"] is None and all(map(is_reference, loaded["some"]))
        for _ in range(2):
            task = ProcessingTask("a-task", parameters=json.dumps(loaded))
            task.save(commit=True)
            task.data = {"again": loaded["some"]}
            task.save(commit=True)
        assert [reveal(loaded["some"][1], number) for number in (1, 2)] == ["second"] * 2
        assert len(stored()) == 4


def test_defaults_and_clear_text_are_not_written(app):
    """A default is in the source and in the form: it is no secret."""
    with pytest.raises(ValueError, match="load_default"):
        SecretField(load_default=SECRET)
    assert SecretField(load_default=None).load_default is None
    assert LoginSchema().dump({"password": SECRET, "pin": None}) == {
        "password": "***",
        "pin": None,
    }


ENDS = {
    "success": lambda number: life_cycle.succeed(number, "done"),
    "failure": lambda number: life_cycle.fail(number, "failed"),
    "lost": lambda number: life_cycle.mark_lost(number, "lost"),
    "cancelled": life_cycle.cancel,
    "by the plugin": lambda number: end_by_row(number),
    "deleted by the plugin": lambda number: delete_row(number),
}


def end_by_row(number):
    task = ProcessingTask.get_by_id(number)
    task.task_status, task.finished_at = "SUCCESS", task.started_at
    task.save(commit=True)


def delete_row(number):
    DB.session.delete(ProcessingTask.get_by_id(number))
    DB.session.commit()


@on_each_database
@pytest.mark.parametrize("end", ENDS)
def test_secret_outlives_its_task(app, end):
    number, reference = start(app)
    _other, _reference = start(app)
    with app.app_context():
        assert len(stored()) == 2
        ENDS[end](number)
        assert [row.task_id for row in stored()] == [_other]
        with pytest.raises(RevealError, match="until it ends"):
            reveal(reference, number)


def test_secret_of_a_step_that_comes_when_the_task_has_ended(app):
    """A race: the view has loaded the task before it ended, and stores a secret after that."""
    number, _reference = start(app)
    with sent(app):
        task = ProcessingTask.get_by_id(number)
        assert task.finished_at is None
        with closing(sqlite3.connect(DB.engine.url.database)) as connection:
            connection.execute("UPDATE ProcessingTask SET finished_at = '2030-01-01'")
            connection.execute("DELETE FROM TaskSecret")
            connection.commit()
        task.data["pin"] = SecretField().deserialize("1234")
        task.save(commit=True)
        assert len(stored()) == 1
        apply_retention()
        assert stored() == []


def test_secret_of_a_task_that_is_removed(app):
    number, _reference = start(app)
    with app.app_context():
        life_cycle.fail(number, "failed")
        DB.session.add(TaskSecret("secret:1", number, b""))
        DB.session.commit()
        remove_task(number)
        assert stored() == []


PEM = (
    "-----BEGIN KEY-----\r\nMIIEvQIBADANBgkq\r\nhkiG9w0BAQEFAAOC\r\n-----END KEY-----\r\n"
)


@pytest.mark.parametrize(
    "secret", [PEM, PEM.replace("\r", ""), "first words\rnext  ones"]
)
def test_secret_of_several_lines_however_it_is_told(secret):
    with hiding():
        hide(secret)
        lines = secret.replace("\r\n", "\n").replace("\r", "\n")
        for shown in (secret, lines, lines.strip(), *lines.split("\n")):
            for text in (shown, repr(shown), json.dumps(shown), quote(shown)):
                text = hidden(f"used {text} for it")
                assert not any(part in text for part in ("MIIE", "hkiG", "first", "ones"))


@CELERY.task(name="secret.telling", bind=True)
def telling(self, do):
    hide(SECRET)
    return do(self)


class Unshown(Exception):
    """An error whose text does not have its arguments, which are stored with it."""

    def __str__(self):
        return "cannot log in"


def fail(error):
    raise error


def again(task):
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        task.request.update(is_eager=False)
        raise Retry(exc=error, when=5) from error


@pytest.mark.parametrize(
    "do",
    [
        lambda task: fail(ValueError({"login": SECRET})),
        lambda task: fail(Unshown(SECRET)),
        lambda task: fail(ExceptionGroup("two", [KeyError(1), KeyError(SECRET)])),
        again,
    ],
)
def test_secret_in_an_error_that_is_handed_on(app, do):
    with pytest.raises(Exception) as error, app.app_context():
        telling(do)
    assert isinstance(error.value, Retry) == (do is again)
    shown = f"{''.join(format_exception(error.value))} {error.value.args!r}"
    assert SECRET not in shown
    assert "***" in shown or "cannot log in" in shown
    assert SECRET not in str(getattr(error.value, "excs", ""))


@pytest.mark.parametrize("following", [telling, add_step, save_task_result])
def test_what_another_task_goes_on_with_is_not_masked(app, following):
    """A secret that is a common word, such as true, must not change what a chain computes."""
    result = json.dumps({"ok": SECRET}, ensure_ascii=False)
    telling.push_request(chain=[save_task_result.s(db_id=1), following.s()])
    with app.app_context():
        told = telling(lambda task: result)
    telling.pop_request()
    assert told == (result if following is telling else '{"ok": "***"}')


def test_what_celery_logs_of_a_result_is_masked_and_nothing_after_it(app):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(SafeFormatter(logging.Formatter()))
    logger = logging.getLogger("celery.app.trace")
    logger.addHandler(handler)
    level, logger.level = logger.level, logging.INFO
    with app.app_context():
        telling.apply((lambda task: {"login": SECRET},))
    logger.removeHandler(handler)
    logger.setLevel(level)
    assert "{'login': '***'}" in stream.getvalue()
    assert hidden(SECRET) == SECRET


@pytest.fixture(scope="module")
def product(tmp_path_factory):
    """The folder of a runner with a real worker, the URL of its broker, and its app."""
    folder = tmp_path_factory.mktemp("runner")
    with (
        broker(tmp_path_factory.mktemp("broker")) as url,
        pytest.MonkeyPatch.context() as p,
    ):
        p.setenv("QHANA_SECRET_KEY", KEY)
        settings = {"CELERY": {"broker_url": url, "result_backend": url}}
        settings |= {"SECRET_KEY": KEY, "PLUGIN_FOLDERS": [str(PLUGINS)]}
        with runner(folder, **settings) as app:
            with worker(folder, url, [PLUGINS], "--pool", "solo", "--loglevel", "DEBUG"):
                yield folder, url, app
            CELERY.close()


def status(client, number):
    return client.get(f"/tasks/{number}/").get_json()


def wait_for(client, number, condition):
    wait_until(lambda: condition(status(client, number)), SECONDS, "the task goes on")
    return status(client, number)


def left_behind(folder, url):
    """Return what is in the broker, the database, the logs and the files."""
    with Redis.from_url(url) as redis:
        kept = [redis.dump(key) or b"" for key in redis.keys()]
    return kept + [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def assert_nowhere(places):
    for place in places:
        for text in (SECRET, "hunter2", "Größe", quote("Größe")):
            assert text.encode() not in place
            assert json.dumps(text)[1:-1].encode() not in place


def test_secret_in_database_broker_logs_and_answers(product):
    """What one step asks for lives to the end, and its clear text is nowhere to be found."""
    folder, url, app = product
    client = app.test_client()
    answers = [client.post(TWO_STEPS, data={"password": SECRET, "pin": SECRET})]
    number = answers[0].get_json()["id"]
    task = wait_for(client, number, lambda task: task.get("steps"))
    assert task["log"] == f"{len(SECRET)} letters"
    answers.append(client.post(task["steps"][0]["href"], data={"code": SECRET}))
    with app.app_context():
        assert [row.task_id for row in stored()] == [number] * 3
    # All that is kept while the task is open: what is looked at below is what it leaves behind.
    kept = [path.read_bytes() for path in folder.glob("runner.db*")]
    task = wait_for(client, number, lambda task: task["status"] != "PENDING")
    assert task["log"].endswith(f"{2 * len(SECRET)} letters"), task["log"]
    for path in ("", "log/"):
        for kind in ("application/json", "text/html"):
            answers.append(
                client.get(f"/tasks/{number}/{path}", headers={"Accept": kind})
            )
    kept += [answer.data for answer in answers]
    assert_nowhere([*kept, *left_behind(folder, url)])
    with app.app_context():
        assert stored() == []
        assert "hunter" not in ProcessingTask.get_by_id(number).parameters


CARELESS = {
    "log": "",
    "tell": "logged in with ***",
    "raise": "ValueError: cannot log in with ***",
    "cause": "KeyError: '***'",
    "url": "Max retries exceeded with url: /?key=***",
    "file": "No such file or directory: '/nowhere/***'",
    "group": "ValueError: ***",
    "exit": "the task called exit('cannot log in with ***')",
    "odd": "Odd: odd: ***",
}


def test_secret_that_a_careless_plugin_tells(product):
    """CWE-532: what a library says of an error, and a line to find it, have the password in them."""
    folder, url, app = product
    client = app.test_client()
    for way, told in CARELESS.items():
        answer = client.post(
            "/plugins/careless@v1-0-0/process/", data={"password": SECRET, "way": way}
        )
        number = int(answer.location.rstrip("/").rpartition("/")[2])
        task = wait_for(client, number, lambda task: task["status"] != "PENDING")
        assert told in task["log"]
        assert task["status"] == ("SUCCESS" if way in ("log", "tell") else "FAILURE")
        console = client.get(f"/tasks/{number}/console/")
        assert_nowhere([client.get(f"/tasks/{number}/").data, console.data])
        assert way != "log" or "print: ***" in console.text
    assert_nowhere(left_behind(folder, url))
    log = (folder / "worker.log").read_text("utf-8")
    assert "print: ***" in log and "{'login': '***'}" in log and "warning: ***" in log


def test_masking_ends_with_the_task_and_leaves_short_secrets_and_control_flow_alone():
    with hiding():
        for secret in ("abc", SECRET, SECRET + SECRET, "a\nb'c\""):
            hide(secret)
        assert hidden(f"abc {SECRET}{SECRET}") == "abc ***"
        assert hidden(repr(["a\nb'c\""])) == "['***']"
        assert hidden(json.dumps(SECRET)) == '"***"'
        with hiding():
            hide("of the inner")
            assert hidden(f"{SECRET} of the inner") == "*** ***"
        assert hidden("of the inner") == "of the inner"
    assert hidden(SECRET) == SECRET
    hide(SECRET)  # outside of a task
    assert hidden(SECRET) == SECRET


def test_secret_of_another_in_a_task(product):
    """A plugin that reveals whatever a form sends reads nothing of another task's."""
    _folder, _url, app = product
    client = app.test_client()
    number, reference = start(app)
    answer = client.post(TWO_STEPS, data={"password": "mine", "hint": reference})
    own = answer.get_json()["id"]
    task = wait_for(client, own, lambda task: task["status"] != "PENDING")
    assert task["status"] == "FAILURE"
    assert f"RevealError: Task {own} has no such secret." in task["log"]
    with app.app_context():
        assert [row.task_id for row in stored()] == [number]
        life_cycle.cancel(number)


def test_secret_with_another_key_in_the_worker(product, monkeypatch):
    _folder, _url, app = product
    client = app.test_client()
    monkeypatch.setitem(app.config, "SECRET_KEY", KEY[::-1])
    number = client.post(TWO_STEPS, data={"password": SECRET}).get_json()["id"]
    task = wait_for(client, number, lambda task: task["status"] != "PENDING")
    assert task["status"] == "FAILURE"
    assert "SECRET_KEY has changed" in task["log"].splitlines()[0]
    assert SECRET not in task["log"] and KEY not in task["log"]


def test_the_plugin_of_the_documentation_sends_the_token_to_the_server(product, site):
    folder, _url, app = product
    client = app.test_client()
    url = site.put("/file.csv", b"ID\r\n1\r\n", Content_Type="text/csv")
    form = client.get(f"{DOWNLOAD}ui/?token={SECRET}").text
    assert 'type="password"' in form and "hunter2" not in form
    checked = client.post(f"{DOWNLOAD}ui/", data={"url": "no", "token": SECRET}).text
    assert "Not a valid URL." in checked and "hunter2" not in checked
    refused = client.post(f"{DOWNLOAD}process/", data={"url": url, "token": "short"})
    assert refused.status_code == 422 and "short" not in refused.text
    answer = client.post(f"{DOWNLOAD}process/", data={"url": url, "token": "tok-en123"})
    number = int(answer.location.rstrip("/").rpartition("/")[2])
    task = wait_for(client, number, lambda task: task["status"] != "PENDING")
    assert task["status"] == "SUCCESS", task["log"]
    assert site.requests[-1].headers["Authorization"] == "Bearer tok-en123"
    assert client.get(task["outputs"][0]["href"], buffered=True).data == b"ID\r\n1\r\n"


@pytest.mark.parametrize("password, told", [("a long one", "long"), ("no", "short")])
def test_the_short_form_of_the_documentation_gets_the_secret_itself(
    product, password, told
):
    client = product[2].test_client()
    process = "/plugins/check-password@v1-0-0/process/"
    answer = client.post(process, data={"password": password})
    number = int(answer.location.rstrip("/").rpartition("/")[2])
    task = wait_for(client, number, lambda task: task["status"] != "PENDING")
    assert (task["status"], task["log"]) == ("SUCCESS", told)
