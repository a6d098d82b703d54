"""What a function gets, and what it can do with its task."""

import pytest
from helpers.plugins import problems

from qhana_plugin_runner.authoring import Task, TaskCancelled
from qhana_plugin_runner.db.models.tasks import ProcessingTask

TYPES = """\
from collections.abc import Sequence
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Literal, Optional

from qhana_plugin_runner.authoring import (
    Field, File, Entities, Output, PluginType, PluginUrl, Secret, Task, plugin
)

class Color(Enum):
    red = "#f00"
    green = "#0f0"

@plugin(version="v1.0.0", type=PluginType.conversion, title="All of them")
def types(
    task: Task,
    number: int,
    part: float,
    text: str,
    day: date,
    moment: datetime,
    color: Color,
    size: Literal["s", "m"],
    level: Literal[1, 2],
    entities: Entities,
    file: File,
    other: Annotated[PluginUrl, Field(metadata={"plugin_tags": ["a"]})],
    password: Secret,
    numbers: list[int],
    colors: list[Color],
    files: list[File],
    switch: bool = False,
    no_number: int | None = None,
    no_text: str | None = None,
    no_day: date | None = None,
    no_color: Color | None = None,
    no_size: Optional[Literal["s", "m"]] = None,
    no_level: Literal[1, 2] | None = None,
    no_file: File | None = None,
    no_password: Secret | None = None,
    words: Sequence[str] = ("a", "b"),
):
    got = dict(locals())
    for name in ("task", "entities", "file", "files", "password"):
        got.pop(name)
    task.log(repr(got))
    task.log(f"{len(password)} {password[::-1]}")
    task.log(f"{list(entities)} {list(entities)} {file.name} {file.read_text()}")
    task.log(f"{[each.name for each in files]} {file.parent == task.folder}")
"""

EMPTY = ("no_number", "no_text", "no_day", "no_color", "no_size", "no_level", "no_file")

SENT = {
    "number": "3",
    "part": "0.5",
    "text": "",
    "day": "2026-01-02",
    "moment": "2026-01-02T03:04",
    "color": "green",
    "size": "m",
    "level": "2",
    "entities": "data:application/json,[{%22ID%22:1}]",
    "file": "data:text/csv,ID",
    "other": "http://localhost/plugins/x/",
    "password": "hidden",
    "numbers": ["1", "2"],
    "colors": ["red", "green"],
    "files": ["data:text/plain,1", "data:text/plain,2"],
    "noNumber": "",
    "noText": "",
    "noDay": "",
    "noColor": "",
    "noSize": "",
    "noLevel": "",
    "noFile": "",
    "noPassword": "",
}


@pytest.mark.parametrize("first", ["", "from __future__ import annotations\n"])
def test_each_type_arrives_as_itself(author, first):
    author.serve(first + TYPES)
    assert problems(author.app) == []
    status = author.run("types@v1-0-0", SENT)
    assert status["status"] == "SUCCESS", status["log"]
    first, hidden, second, third = status["log"].splitlines()
    assert first == (
        "{'number': 3, 'part': 0.5, 'text': '', 'day': datetime.date(2026, 1, 2), "
        "'moment': datetime.datetime(2026, 1, 2, 3, 4), 'color': <Color.green: '#0f0'>, "
        "'size': 'm', 'level': 2, 'other': 'http://localhost/plugins/x/', "
        "'numbers': [1, 2], 'colors': [<Color.red: '#f00'>, "
        "<Color.green: '#0f0'>], 'switch': False, 'no_number': None, 'no_text': None, "
        "'no_day': None, 'no_color': None, 'no_size': None, 'no_level': None, "
        "'no_file': None, 'no_password': None, 'words': ['a', 'b']}"
    )
    assert hidden == "6 neddih"
    assert second == "[{'ID': 1}] [{'ID': 1}] data.csv ID"
    assert third == "['data.txt', '2-data.txt'] True"


def test_secrets_are_not_in_the_row(author):
    author.serve(TYPES)
    author.run("types@v1-0-0", SENT)
    with author.app.app_context():
        row = ProcessingTask.get_by_id(1)
        assert "hidden" not in row.parameters


def test_the_metadata_names_inputs_and_plugins(author):
    metadata = author.serve(TYPES).get("/plugins/types@v1-0-0/").get_json()
    assert (metadata["title"], metadata["type"]) == ("All of them", "conversion")
    entry = metadata["entryPoint"]
    inputs = {each["parameter"]: each for each in entry["dataInput"]}
    assert list(inputs) == ["entities", "file", "files", "noFile"]
    assert inputs["entities"]["dataType"] == "entity/list"
    assert inputs["entities"]["required"] is True
    assert inputs["noFile"] == {
        "parameter": "noFile",
        "dataType": "*",
        "contentType": ["*"],
        "required": False,
    }
    assert inputs["files"]["required"] is True
    (plugin,) = entry["pluginDependencies"]
    assert plugin == {"parameter": "other", "required": True, "tags": ["a"]}


def test_the_form_takes_what_it_shows(author):
    client = author.serve(TYPES)
    form = client.get("/plugins/types@v1-0-0/ui/").text
    for text in ("<select", 'type="password"', 'type="date"', 'type="datetime-local"'):
        assert text in form
    assert client.get("/plugins/types@v1-0-0/ui/", query_string=SENT).status_code == 200
    wrong = {
        **SENT,
        "level": "3",
        "size": "x",
        "noLevel": "7",
        "day": "x",
        "colors": ["x"],
    }
    refused = client.post("/plugins/types@v1-0-0/process/", data=wrong)
    errors = refused.get_json()["errors"]["form"]
    assert set(errors) == {"level", "size", "noLevel", "day", "colors"}


WORKS = """\
from qhana_plugin_runner.authoring import Output, Task, plugin

@plugin(
    version="v1.0.0",
    outputs={"a": "custom/a", "b": Output("custom/b", "text/html", required=False)},
)
def works(task: Task, how: str):
    if how == "early":
        task.save("a", "1")
        task.save("b", "<p>")
        task.save("c", b"", data_type="custom/c", content_type="image/png")
    elif how == "undeclared":
        task.save("c", "1")
    elif how == "unknown":
        return {"a": "1", "c": "2"}
    elif how == "one":
        return "1"
    elif how == "unwritable":
        return {"a": object()}
    elif how == "enough":
        return {"a": "1", "b": None}
    elif how == "progress":
        task.set_progress(3, start=1, target=7, unit="steps")
        return {"a": "1"}
    elif how == "track":
        return {"a": " ".join(task.track("xyz", unit="letters"))}
"""


@pytest.fixture
def works(author):
    author.serve(WORKS)
    return lambda how: author.run("works@v1-0-0", {"how": how})


@pytest.mark.parametrize(
    "how, cure",
    [
        ("undeclared", "'c' is not one that the plugin declares ('a', 'b')"),
        ("unknown", "returned 'c', which is not one of the outputs"),
        ("one", "return a dictionary that maps names to values"),
        ("unwritable", "the output 'a': it cannot be written as application/json"),
        ("nothing", "without the output 'a': return or save it"),
    ],
)
def test_outputs_that_are_not_as_declared_fail_the_task(works, how, cure):
    status = works(how)
    assert status["status"] == "FAILURE"
    assert cure in status["log"].splitlines()[0]


def test_outputs_may_be_saved_early(works):
    outputs = works("early")["outputs"]
    assert [(each["name"], each["dataType"]) for each in outputs] == [
        ("a.txt", "custom/a"),
        ("b.html", "custom/b"),
        ("c.png", "custom/c"),
    ]
    assert [each["name"] for each in works("enough")["outputs"]] == ["a.txt"]


def test_progress_is_shown(works):
    progress = {"value": 7, "start": 1, "target": 7, "unit": "steps"}
    assert (
        works("progress")["progress"] == progress
    )  # at its target, as the task has ended
    progress = {"value": 3, "start": 0, "target": 3, "unit": "letters"}
    assert works("track")["progress"] == progress


IDLE = """\
from qhana_plugin_runner.authoring import Secret, Task, plugin
from qhana_plugin_runner.db import DB

@plugin(version="v1.0.0")
def idle(task: Task, password: Secret):
    assert not DB.session().in_transaction()
    assert not task.cancelled
    assert not DB.session().in_transaction()
"""


def test_no_transaction_is_open_while_the_function_works(author):
    author.serve(IDLE)
    status = author.run("idle@v1-0-0", {"password": "x"})
    assert status["status"] == "SUCCESS", status["log"]


CANCELLED = """\
from qhana_plugin_runner.authoring import Task, plugin
from qhana_plugin_runner.tasking.cancel import cancel

@plugin(version="v1.0.0")
def endless(task: Task):
    assert not task.cancelled
    for number in task.track(iter(int, 1)):
        cancel(task.id)
"""


def test_a_cancelled_task_stops_where_it_tracks(author):
    author.serve(CANCELLED)
    assert author.run("endless@v1-0-0")["state"] == "cancelled"


THREADS = """\
from concurrent.futures import ThreadPoolExecutor
from qhana_plugin_runner.authoring import Task, plugin

@plugin(version="v1.0.0")
def threads(task: Task):
    def work(number):
        assert not task.cancelled
        task.log(f"line {number}")
        list(task.track(range(2)))
        task.set_progress(number)
        task.save(str(number), str(number), data_type="custom/number")
        return task.folder

    with ThreadPoolExecutor(2) as pool:
        assert set(pool.map(work, range(8))) == {task.folder}
"""


def test_threads_of_the_author_use_the_task(author):
    author.serve(THREADS)
    status = author.run("threads@v1-0-0")
    assert status["status"] == "SUCCESS", status["log"]
    assert len(author.outputs(status)) == len(status["log"].splitlines()) == 8


COUNTED = """\
from qhana_plugin_runner.authoring import Task, plugin
from qhana_plugin_runner.db.models.tasks import ProcessingTask

@plugin(version="v1.0.0")
def count(task: Task):
    for _ in task.track(iter("ab"), unit="rows"):
        row = ProcessingTask.get_by_id(task.id)
        assert (row.progress_value, row.progress_target) == (0, 1)
"""


def test_what_has_no_length_is_counted(author):
    author.serve(COUNTED)
    status = author.run("count@v1-0-0")
    assert status["status"] == "SUCCESS", status["log"]
    assert status["progress"] == {"value": 2, "start": 0, "target": 2, "unit": "rows"}


def test_a_task_without_a_runner_can_be_cancelled():
    task = Task()
    items = task.track("ab")
    assert next(items) == "a"
    task.cancelled = True
    assert task.cancelled
    with pytest.raises(TaskCancelled):
        next(items)
    with pytest.raises(TaskCancelled):
        task.set_progress(1)


LIMITED = """\
from __future__ import annotations
from datetime import datetime
from functools import wraps
from typing import Annotated, Literal
from html import escape
from qhana_plugin_runner.authoring import Field, plugin
from other import logged

@plugin(version="v1.0.0")
@logged
def limited(
    start: Annotated[datetime, Field(ge=datetime(2020, 1, 1))],
    maybe: Literal["a", None] = None,
    switch: Literal[True, False] = True,
    code: Annotated[str, Field(pattern="[a-z]+")] = "ab",
    other: Annotated[str, Field(pattern="(?i)a|bc")] = "A",
):
    assert (start.year, maybe, switch) == (2026, None, False)
"""

OTHER = """\
from functools import wraps

def logged(function):
    @wraps(function)
    def call(*args, **kwargs):
        return function(*args, **kwargs)

    return call
"""


def test_a_date_with_a_time_zone_is_refused(author):
    author.plugins.write("other.py", OTHER)
    client = author.serve(LIMITED)
    sent = {"start": "2026-01-01T00:00:00", "switch": "false", "maybe": ""}
    assert author.run("limited@v1-0-0", sent)["status"] == "SUCCESS"
    sent["start"] += "+00:00"
    refused = client.post("/plugins/limited@v1-0-0/process/", data=sent)
    assert list(refused.get_json()["errors"]["form"]) == ["start"]


def test_a_pattern_is_for_the_whole_text(author):
    author.plugins.write("other.py", OTHER)
    client = author.serve(LIMITED)
    sent = {"start": "2026-01-01T00:00", "switch": "false", "code": "ab", "other": "BC"}
    assert author.run("limited@v1-0-0", sent)["status"] == "SUCCESS"
    sent |= {"code": "ab1", "other": "ax"}
    refused = client.post("/plugins/limited@v1-0-0/process/", data=sent)
    assert set(refused.get_json()["errors"]["form"]) == {"code", "other"}
    assert 'pattern="[a-z]+"' in client.get("/plugins/limited@v1-0-0/ui/").text


def test_a_function_checks_a_value(author):
    source = """\
from collections.abc import Sequence
from typing import Annotated
from qhana_plugin_runner.authoring import Field, plugin

def require_even(value):
    if value % 2:
        raise ValueError(f"{value} is odd.")

Even = Annotated[int, Field(check=require_even)]

@plugin(version="v1.0.0")
def halve(number: Even, more: Sequence[Even] = (), maybe: Even | None = None): ...
"""
    client = author.serve(source)
    sent = {"number": "2", "more": ["4", "6"], "maybe": ""}
    assert author.run("halve@v1-0-0", sent)["status"] == "SUCCESS"
    refused = client.post(
        "/plugins/halve@v1-0-0/process/", data={"number": "3", "more": ["4", "5"]}
    )
    messages = refused.get_json()["errors"]["form"]
    assert messages == {"number": ["3 is odd."], "more": {"1": ["5 is odd."]}}


def test_a_task_without_a_runner_remembers():
    task = Task()
    task.log("one")
    task.save("a", 1)
    task.set_progress(1)
    assert list(task.track([1, 2], total=2)) == [1, 2]
    assert (task.id, task.data, task.lines, task.saved) == (0, {}, ["one"], {"a": 1})
    assert not task.cancelled
    folder = task.folder
    (folder / "x").write_text("x")
    assert task.folder == folder
    del task
    assert not folder.exists()
