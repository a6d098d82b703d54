"""Steps of a plugin in the short form."""

import pickle
import sys

import pytest
from helpers.plugins import problems
from helpers.worker import NO_BROKER

from qhana_plugin_runner.authoring import (
    Ask,
    DeclarationError,
    Entities,
    File,
    Task,
    plugin,
)
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.testing.running import forget_messages, work_off

PICK = '''\
from enum import Enum

from qhana_plugin_runner.authoring import Ask, Entities, Task, plugin


class Color(Enum):
    red = "#f00"
    green = "#0f0"
    blue = "#00f"


@plugin(version="v1.0.0", outputs={"names": "custom/text", "column": "custom/text"})
def pick(task: Task, entities: Entities) -> Ask:
    """Picks a column of entities."""
    rows = list(entities)
    task.data["asked"] = 1
    task.save("names", " ".join(rows[0]))
    return choose.ask(
        values={"column": "y", "entities": entities},
        choices={"column": rows[0], "more": list(rows[0]), "color": [Color.red, Color.blue]},
    )


@pick.step(title="Choose a column")
def choose(
    task: Task,
    column: str,
    entities: Entities,
    more: list[str],
    color: Color | None = None,
    again: bool = False,
):
    """Takes one of the columns.

    Args:
        column: The one to take.
    """
    task.data["asked"] += 1
    if again:
        return choose.ask(choices={"column": ["z"]})
    task.log(f"{column} {more} {color} asked {task.data['asked']} times")
    return {"column": " ".join(row[column] for row in entities)}
'''

ENTITIES = "data:text/csv,ID,y%0A1,5%0A2,6"


@pytest.fixture
def asked(author):
    """The status of a task that waits for the step."""
    author.serve(PICK)
    assert problems(author.app) == []
    return author.run("pick@v1-0-0", {"entities": ENTITIES})


def test_the_task_waits_for_the_step(author, asked):
    assert (asked["status"], asked["state"]) == ("PENDING", "waiting")
    (step,) = asked["steps"]
    assert (step["stepId"], step["cleared"]) == ("choose", False)
    form = author.client.get(step["uiHref"])
    assert form.status_code == 200
    assert "Choose a column" in form.text
    assert "The one to take." in form.text
    assert '<option value="y" selected>' in form.text
    assert 'value="data:text/csv,ID,y%0A1,5%0A2,6"' in form.text
    assert "qhana-error-summary" not in form.text
    assert "blue" in form.text
    assert "green" not in form.text


def test_the_answer_is_checked_against_what_was_offered(author, asked):
    (step,) = asked["steps"]
    good = {"column": "ID", "entities": ENTITIES, "more": ["ID"], "color": "red"}
    for key, wrong in (("column", "z"), ("more", ["ID", "z"]), ("color", "green")):
        answer = author.client.post(step["href"], data={**good, key: wrong})
        assert answer.status_code == 422
        assert list(answer.get_json()["errors"]["form"]) == [key]
        form = author.client.post(step["uiHref"], data={**good, key: wrong}).text
        assert "Must be one of" in form
    assert author.client.post(step["href"], data={}).status_code == 422


def test_the_task_goes_on_with_the_answer(author, asked):
    (step,) = asked["steps"]
    answers = {"column": "y", "entities": ENTITIES, "more": ["ID", "y"], "color": ""}
    status = author.send(step["href"], answers)
    assert status["status"] == "SUCCESS", status["log"]
    assert status["log"] == "y ['ID', 'y'] None asked 2 times"
    outputs = author.outputs(status)
    assert outputs == {"names.txt": b"ID y", "column.txt": b"5 6"}
    again = author.client.post(step["href"], data=answers)
    assert again.status_code == 409
    assert author.client.get(step["uiHref"]).status_code == 409


def test_a_step_may_ask_again(author, asked):
    (step,) = asked["steps"]
    answers = {"column": "y", "entities": ENTITIES, "more": ["ID"], "again": "true"}
    status = author.send(step["href"], answers)
    assert [each["cleared"] for each in status["steps"]] == [True, False]
    refused = author.client.post(step["href"], data=answers)
    assert refused.get_json()["errors"]["form"] == {"column": ["Must be one of: z."]}


def test_one_of_two_answers_at_once_counts(author, asked):
    step = sys.modules["written"].choose
    answers = {"column": "y", "entities": ENTITIES, "more": ["y"]}
    with author.app.app_context():
        row = ProcessingTask.get_by_id(1)
        assert step.is_open(row)  # as both have seen it
        assert step.answer(row, answers)
        assert not step.answer(row, {**answers, "column": "ID"})
    work_off(author.app)
    status = author.client.get("/tasks/1/").get_json()
    assert author.outputs(status)["column.txt"] == b"5 6"


def test_the_step_of_another_task_is_not_found(author, asked):
    author.serve(PICK.replace("pick", "other").replace("v1.0.0", "v2.0.0"))
    answer = author.client.get("/plugins/other@v2-0-0/1/choose-ui/")
    assert answer.status_code == 404


SIZES = """\
from collections.abc import Sequence
from enum import Enum
from qhana_plugin_runner.authoring import plugin

class Size(Enum):
    small = 1
    large = 2

@plugin(version="v1.0.0")
def sizes():
    return pick.ask(choices={"size": [Size.large], "more": [Size.large], "maybe": ["a"]})

@sizes.step()
def pick(size: Size = Size.small, more: Sequence[Size] = (Size.small,), maybe: str | None = None):
    assert size is more[0] is Size.large
"""


def test_what_was_not_offered_is_no_default(author):
    author.serve(SIZES)
    (step,) = author.run("sizes@v1-0-0")["steps"]
    assert "small" not in author.client.get(step["uiHref"]).text
    refused = author.client.post(step["href"], data={})
    assert set(refused.get_json()["errors"]["form"]) == {"size", "more"}
    refused = author.client.post(step["href"], data={"size": "small", "more": "large"})
    assert refused.get_json()["errors"]["form"] == {"size": ["Must be one of: large."]}
    status = author.send(step["href"], {"size": "large", "more": "large"})
    assert status["status"] == "SUCCESS", status["log"]


def test_a_file_that_was_not_fetched_cannot_be_handed_on(tmp_path):
    with pytest.raises(
        ValueError, match="the file for 'file' is not an input of the function"
    ):
        choose.ask(values={"file": tmp_path / "a.txt"})


LINES = """\
from qhana_plugin_runner.authoring import Ask, File, plugin

@plugin(version="v1.0.0", outputs={"line": "custom/text"})
def one_line(file: File) -> Ask:
    lines = file.read_text().splitlines()
    return pick.ask(
        values={"file": file, "number": len(lines), "mark": "*"},
        choices={"number": [1, len(lines)]},
        text=f"Lines:\\n\\n* {lines[0]}\\n* <script>bad()</script>",
    )

@one_line.step()
def pick(file: File | None = None, number: int = 7, mark: str = "-", end: str = "."):
    "Takes a line."
    return mark + file.read_text().splitlines()[number - 1] + end
"""


def test_a_step_shows_what_it_was_asked_with(author):
    author.serve(LINES)
    (step,) = author.run("one-line@v1-0-0", {"file": "data:,a%0Ab%0Ac"})["steps"]
    page = author.client.get(step["uiHref"]).text
    assert '<details class="qhana-help" open>' in page
    assert "Takes a line." in page and "<li>a</li>" in page and "bad()" not in page
    assert 'value="data:,a%0Ab%0Ac"' in page


def test_what_an_answer_leaves_out_stays_as_it_was_shown(author):
    author.serve(LINES)
    for answer, line in (
        ({}, b"*c."),
        ({"number": "1", "mark": ""}, b"a."),
        ({"file": "data:,x%0Ay%0Az", "end": "!"}, b"*z!"),
    ):
        (step,) = author.run("one-line@v1-0-0", {"file": "data:,a%0Ab%0Ac"})["steps"]
        status = author.send(step["href"], answer)
        assert author.outputs(status) == {"line.txt": line}


def test_an_output_is_saved_once(author):
    author.serve(PICK.replace("return choose.ask(choices", "task.save('names', '')#"))
    (step,) = author.run("pick@v1-0-0", {"entities": ENTITIES})["steps"]
    answers = {"column": "y", "entities": ENTITIES, "more": ["ID"], "again": "true"}
    status = author.send(step["href"], answers)
    assert "the output 'names' was already saved" in status["log"]


def test_a_step_that_is_asked_without_return_is_named(author):
    author.serve(PICK.replace("return choose.ask(", "choose.ask("))
    status = author.run("pick@v1-0-0", {"entities": ENTITIES})
    assert status["status"] == "FAILURE"
    assert "to ask for a step, write `return STEP.ask(...)`" in status["log"]


def test_a_step_that_has_asked_again_may_be_called_again(author, asked):
    (step,) = asked["steps"]
    answers = {"column": "y", "entities": ENTITIES, "more": ["ID"], "again": "true"}
    author.send(step["href"], answers)
    with author.app.app_context():
        for _ in range(
            2
        ):  # as after the loss of its worker, but for the message it has sent
            CELERY.tasks["pick@v1-0-0.choose"](db_id=1)
            forget_messages()
            assert ProcessingTask.get_by_id(1).data["kept"] == {"asked": 2}
    status = author.send(step["href"], {**answers, "column": "z", "again": "false"})
    assert "asked 3 times" in status["log"]
    with author.app.app_context():
        assert "before" not in ProcessingTask.get_by_id(1).data


def test_the_step_stays_open_while_the_broker_is_away(author, asked):
    (step,) = asked["steps"]
    answers = {"column": "y", "entities": ENTITIES, "more": ["y"]}
    database = author.app.config["SQLALCHEMY_DATABASE_URI"]
    client = author.serve(CELERY=NO_BROKER, SQLALCHEMY_DATABASE_URI=database)
    for _ in range(2):
        answer = client.post(step["href"], data=answers)
        assert answer.status_code == 503
        assert client.get("/tasks/1/").get_json()["state"] == "waiting"
    author.serve(SQLALCHEMY_DATABASE_URI=database)
    status = author.send(step["href"], answers)
    assert author.outputs(status)["column.txt"] == b"5 6"


SECRET = """\
from qhana_plugin_runner.authoring import Ask, Secret, Task, plugin


@plugin(version="v1.0.0", outputs={"length": "custom/number"})
def log_in(task: Task) -> Ask:
    return password.ask()


@log_in.step()
def password(task: Task, password: Secret) -> str:
    return str(len(password))
"""


def test_a_step_may_ask_for_a_secret(author):
    author.serve(SECRET)
    (step,) = author.run("log-in@v1-0-0")["steps"]
    status = author.send(step["href"], {"password": "hidden"})
    assert author.outputs(status) == {"length.txt": b"6"}
    with author.app.app_context():
        row = ProcessingTask.get_by_id(1)
        assert "secret:" in str(row.data)
        assert "hidden" not in str(row.data)


TWO_SECRETS = """\
from qhana_plugin_runner.authoring import Ask, Secret, Task, plugin

@plugin(version="v1.0.0", outputs={"lengths": "custom/text"})
def log_in(task: Task, password: Secret, key: Secret | None = None) -> Ask:
    assert task.secrets == {"password": password}
    return code.ask()

@log_in.step()
def code(task: Task, code: Secret) -> Ask:
    assert task.secrets["code"] == code
    return last.ask()

@log_in.step()
def last(task: Task) -> str:
    return str({name: len(each) for name, each in task.secrets.items()})
"""


def test_later_steps_have_the_secrets_of_the_forms_before(author):
    author.serve(TWO_SECRETS)
    status = author.run("log-in@v1-0-0", {"password": "hidden"})
    status = author.send(status["steps"][-1]["href"], {"code": "4711"})
    with author.app.app_context():
        data = str(ProcessingTask.get_by_id(1).data)
        assert "hidden" not in data and "4711" not in data
    status = author.send(status["steps"][-1]["href"])
    assert author.outputs(status) == {"lengths.txt": b"{'password': 6, 'code': 4}"}


def test_a_function_that_is_called_again_begins_anew(author, asked):
    with author.app.app_context():
        ProcessingTask.get_by_id(1).data["kept"]["asked"] = 7
        DB.session.commit()
        CELERY.tasks["pick@v1-0-0.pick"](db_id=1)
        assert ProcessingTask.get_by_id(1).data["kept"] == {"asked": 1}


def extract(task: Task, entities: Entities) -> Ask:
    return choose.ask(values={"entities": entities}, choices={"column": list("ab")})


extract = plugin(version="v1")(extract)


@extract.step()
def choose(column: str, entities: Entities, file: File | None = None) -> str:
    return column


def test_functions_are_called_as_they_stand():
    rows = [{"a": "1"}]
    asked = extract(Task(), rows)
    assert asked.step is choose
    assert asked.choices == {"column": ["a", "b"]}
    assert asked.values == {"entities": rows}
    assert choose("a", rows) == "a"


def test_other_processes_find_the_functions():
    for each in (extract, choose):
        assert pickle.loads(pickle.dumps(each)) is each


def test_what_cannot_be_asked_is_said_at_once():
    with pytest.raises(TypeError, match="there is no parameter 'colum'"):
        choose.ask(choices={"colum": ["a"]})
    with pytest.raises(ValueError, match="there are no choices for 'column'"):
        choose.ask(choices={"column": []})
    with pytest.raises(ValueError, match=r"\['a'\] is not valid for 'column'"):
        choose.ask(values={"column": ["a"]})


def test_names_of_functions_are_used_once():
    def extract_it(x: int): ...

    it = plugin(version="v1")(extract_it)
    with pytest.raises(DeclarationError, match="rename one of them"):
        it.step()(extract_it)


@pytest.mark.parametrize(
    "data, reason",
    [
        ("object()", "JSON does not support object"),
        ("{1: {2}}", "JSON does not support set"),
    ],
)
def test_what_cannot_be_kept_fails_the_task(author, data, reason):
    author.serve(PICK.replace('task.data["asked"] = 1', f'task.data["asked"] = {data}'))
    status = author.run("pick@v1-0-0", {"entities": ENTITIES})
    assert status["status"] == "FAILURE"
    assert reason in status["log"]
