"""``/tasks/``: filters and pages, and what they cost."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from helpers.databases import on_each_database, on_one_database
from sqlalchemy import event, insert, text

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.tasking import queries as task_list
from qhana_plugin_runner.tasking.queries import TaskFilter, find_tasks
from qhana_plugin_runner.web.workbench.runs import save_run

pytestmark = on_each_database

START = datetime(2026, 1, 1, tzinfo=UTC)
ENDS = {"SUCCESS": "succeeded", "FAILURE": "failed", None: "failed", "": "failed"}

PROGRESS = ("progress_value", "progress_start", "progress_target", "progress_unit")


def fill(*tasks):
    """Add tasks, each a minute after the one before; a status is that of an end."""
    rows = []
    for number, values in enumerate(tasks):
        made = START + timedelta(minutes=number)
        row = {
            "task_name": "a-task",
            "started_at": made,
            "state": "waiting",
            "task_status": None,
            "finished_at": None,
            "plugin": None,
            "parameters": "",
            "began_at": None,
            **dict.fromkeys(PROGRESS),
        }
        if "task_status" in values:
            row["finished_at"] = made
            row["state"] = ENDS[values["task_status"]]
        rows.append({**row, **values})
    DB.session.execute(insert(ProcessingTask.__table__), rows)
    DB.session.commit()


def get(client, path="/tasks/", **query):
    answer = client.get(path, query_string=query or None)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def ids(answer):
    return [task["id"] for task in answer["tasks"]]


def links(answer):
    return {link["type"]: link["href"] for link in answer["links"]}


def all_pages(client, **query):
    """Follow the links to older tasks to the end of the list."""
    answer = get(client, **query)
    pages = [ids(answer)]
    while following := links(answer).get("next"):
        parts = urlsplit(following)
        answer = get(client, f"{parts.path}?{parts.query}")
        pages.append(ids(answer))
    return pages


def test_without_tasks_the_list_is_empty(client, context):
    assert get(client) == {"tasks": [], "links": []}


def test_a_task_is_summed_up(client, context):
    fill(
        {
            "plugin": "hello@v1-0-0",
            "state": "running",
            "began_at": START,
            "progress_value": 5,
            "progress_start": 0,
            "progress_target": 10,
            "progress_unit": "steps",
        },
        {"task_status": "SUCCESS", "task_name": None},
    )
    assert get(client)["tasks"] == [
        {
            "href": "http://localhost/tasks/2/",
            "id": 2,
            "status": "SUCCESS",
            "state": "succeeded",
            "createdAt": "2026-01-01T00:01:00.000000Z",
            "finishedAt": "2026-01-01T00:01:00.000000Z",
        },
        {
            "href": "http://localhost/tasks/1/",
            "id": 1,
            "status": "PENDING",
            "state": "running",
            "plugin": "hello@v1-0-0",
            "taskName": "a-task",
            "createdAt": "2026-01-01T00:00:00.000000Z",
            "startedAt": "2026-01-01T00:00:00.000000Z",
            "progress": {"value": 5, "start": 0, "target": 10, "unit": "steps"},
        },
    ]


@pytest.mark.parametrize("query", [{}, {"createdAfter": "2025-12-31"}], ids=repr)
def test_pages_hold_each_task_once_newest_first(client, context, query):
    if "createdAfter" in query:
        query = {"createdAfter": "2025-12-31T00:00:00Z"}
    fill(*[{}] * 7)
    assert all_pages(client, limit=3, **query) == [[7, 6, 5], [4, 3, 2], [1]]
    assert all_pages(client, limit=7, **query) == [[7, 6, 5, 4, 3, 2, 1]]


@pytest.mark.parametrize("query", [{}, {"createdAfter": "2025-12-31T00:00:00Z"}])
def test_there_is_a_way_back_to_newer_tasks(client, context, query):
    fill(*[{}] * 7)
    answer = get(client, limit=2, **query)
    assert "previous" not in links(answer)
    for expected in ([5, 4], [3, 2], [1]):
        answer = client.get(links(answer)["next"]).get_json()
        assert ids(answer) == expected
    for expected in ([3, 2], [5, 4], [7, 6]):
        answer = client.get(links(answer)["previous"]).get_json()
        assert ids(answer) == expected
    assert "previous" not in links(answer)
    assert ids(client.get(links(answer)["next"]).get_json()) == [5, 4]


def test_tasks_that_come_and_go_meanwhile_move_no_others(client, context):
    fill(*[{}] * 6)
    first = get(client, limit=2)
    fill({}, {})
    DB.session.execute(text('DELETE FROM "ProcessingTask" WHERE id IN (5, 3)'))
    DB.session.commit()
    second = client.get(links(first)["next"]).get_json()
    assert (ids(first), ids(second)) == ([6, 5], [4, 2])
    back = client.get(links(second)["previous"]).get_json()
    assert ids(back) == [7, 6]


def test_a_page_of_which_all_tasks_are_gone_leads_back(client, context):
    fill(*[{}] * 3)
    answer = get(client, limit=2)
    DB.session.execute(text('DELETE FROM "ProcessingTask" WHERE id = 1'))
    DB.session.commit()
    empty = client.get(links(answer)["next"]).get_json()
    assert ids(empty) == []
    assert ids(client.get(links(empty)["previous"]).get_json()) == [3, 2]


MIXED = [
    {"state": "waiting", "plugin": "hello@v1-0-0"},
    {"task_status": "SUCCESS", "plugin": "hello@v1-0-0", "parameters": '{"x": "Ünï"}'},
    {"task_status": "FAILURE", "plugin": "hello@v2-0-0"},
    {"task_status": None, "plugin": "hello-other@v1-0-0"},
    {"task_status": "FAILURE", "state": "lost", "task_name": "hello.Count_it"},
    {"task_status": "FAILURE", "state": "cancelled", "plugin": "b@v1"},
    {"state": "running", "plugin": "b@v1"},
    {"state": None},
    {"task_status": "SUCCESS", "state": None},
    {"task_status": ""},
]


@pytest.mark.parametrize(
    "query, expected",
    [
        ({"status": "PENDING"}, [8, 7, 1]),
        ({"status": "SUCCESS"}, [9, 2]),
        ({"status": "FAILURE"}, [6, 5, 3]),
        ({"status": "UNKNOWN"}, [10, 4]),
        ({"state": "waiting"}, [1]),
        ({"state": "lost"}, [5]),
        ({"state": "succeeded"}, [2]),
        ({"plugin": "hello@v1-0-0"}, [2, 1]),
        ({"plugin": "hello"}, [3, 2, 1]),
        ({"plugin": "hello-other"}, [4]),
        ({"plugin": "hell"}, []),
        ({"plugin": "nobody@v1"}, []),
        ({"q": "count_IT"}, [5]),
        ({"q": '"x": '}, []),
        ({"q": "countxit"}, []),
        ({"q": "%"}, []),
        ({"createdAfter": "2026-01-01T00:07:00Z"}, [10, 9, 8]),
        ({"createdBefore": "2026-01-01T00:02:00"}, [2, 1]),
        (
            {
                "createdAfter": "2026-01-01T02:01:00+02:00",
                "createdBefore": "2026-01-01T00:03:00Z",
            },
            [3, 2],
        ),
        ({"plugin": "hello", "status": "FAILURE"}, [3]),
        ({"plugin": "b", "status": "PENDING"}, [7]),
        ({"state": "failed", "status": "UNKNOWN"}, [10, 4]),
        ({"state": "failed", "status": "SUCCESS"}, []),
        ({"status": "PENDING", "createdBefore": "2026-01-01T00:07:00Z"}, [7, 1]),
        ({"status": "FAILURE", "createdAfter": "2026-01-01T00:04:00Z"}, [6, 5]),
        ({"q": "a-task", "plugin": "hello"}, [3, 2, 1]),
        (
            {"q": "", "state": "", "plugin": "", "createdAfter": ""},
            list(range(10, 0, -1)),
        ),
        ({"unknown": "x"}, list(range(10, 0, -1))),
    ],
    ids=repr,
)
def test_filters_name_exactly_the_tasks_for_which_they_hold(
    client, context, query, expected
):
    fill(*MIXED)
    assert all_pages(client, **query) == [expected]
    assert sum(all_pages(client, limit=2, **query), []) == expected


def test_only_the_beginning_of_the_public_values_is_searched(client, context):
    fill({}, {}, {"parameters": '{"text": "a needle"}'})
    for number, length in ((1, 950), (2, 1000)):
        values = f"text={'x' * length}+Nadelöhr+%25&password=***"
        save_run(number, "a-plugin", values, [])
    assert ids(get(client, q="needle")) == ids(get(client, q="***")) == []
    assert ids(get(client, q="nadelöhr")) == ids(get(client, q=" Nadel")) == [1]
    assert ids(get(client, q="öhr %")) == [1] and ids(get(client, q="öhr x")) == []


def test_times_count_where_the_clocks_of_hosts_differ(client, context):
    fill({"started_at": START + timedelta(hours=2)}, {"started_at": START})
    assert ids(get(client, createdAfter="2025-12-31T00:00:00Z")) == [1, 2]
    assert ids(get(client, createdAfter="2026-01-01T01:00:00Z")) == [1]
    same = [{"started_at": START}] * 4
    fill(*same)
    before = {"createdBefore": "2026-01-01T00:00:01Z"}
    assert all_pages(client, limit=2, **before) == [[6, 5], [4, 3], [2]]


@pytest.mark.parametrize("query", [{"q": "rare"}, {"state": "failed", "plugin": "p@v1"}])
def test_a_page_may_be_short_but_all_pages_hold_all(client, context, monkeypatch, query):
    monkeypatch.setattr(task_list, "SCAN_LIMIT", 10)
    rare = {"task_name": "rare", "task_status": "FAILURE", "plugin": "p@v1"}
    common = {"task_status": "SUCCESS", "plugin": "p@v1"}
    fill(*[rare if number in (1, 2, 33) else common for number in range(35)])
    pages = all_pages(client, limit=2, **query)
    assert pages == [[34], [], [], [3, 2]]
    last = get(client, limit=2, cursor="n1", **query)
    assert ids(last) == [3, 2]
    backwards = [ids(last)]
    while "previous" in links(last):
        last = client.get(links(last)["previous"]).get_json()
        backwards.append(ids(last))
    assert sum(backwards, []) == [3, 2, 34]


@on_one_database
@pytest.mark.parametrize(
    "query, field",
    [
        ({"status": "DONE"}, "status"),
        ({"state": "Running"}, "state"),
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"createdAfter": "yesterday"}, "createdAfter"),
        ({"createdBefore": "2026-13-01T00:00:00Z"}, "createdBefore"),
        ({"createdBefore": "0001-01-01T00:00:00+14:00"}, "createdBefore"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "o9999999999"}, "cursor"),
        ({"cursor": "o1.5"}, "cursor"),
        ({"cursor": "o1", "createdAfter": "2026-01-01T00:00:00Z"}, "cursor"),
        ({"cursor": "o1." + "9" * 18, "createdAfter": "2026-01-01T00:00:00Z"}, "cursor"),
        ({"q": "x" * 201}, "q"),
        ({"q": "\0"}, "q"),
        ({"plugin": "\0"}, "plugin"),
    ],
    ids=repr,
)
def test_what_cannot_be_used_is_answered_with_field_and_reason(
    client, context, query, field
):
    answer = client.get("/tasks/", query_string=query)
    assert answer.status_code == 422
    error = answer.get_json()
    assert (error["code"], error["status"]) == (422, "Unprocessable Entity")
    (reason,) = error["errors"]["query"][field]
    assert reason
    assert list(error["errors"]["query"]) == [field]


@pytest.fixture
def statements(context):
    """All statements that are sent to the database from now on."""
    sent = []

    @event.listens_for(DB.engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, parameters, *_):
        sent.append((statement, parameters))

    return sent


@pytest.mark.parametrize(
    "query, most",
    [
        ({}, 1),
        ({"status": "FAILURE"}, 1),
        ({"plugin": "hello"}, 2),
        ({"plugin": "hello", "q": "a"}, 3),
    ],
    ids=repr,
)
def test_the_number_of_statements_does_not_grow_with_the_tasks(
    client, statements, query, most
):
    for _ in range(2):
        fill(*MIXED)
        del statements[:]
        assert get(client, **query)["tasks"]
        assert 1 <= len(statements) <= most


SINGLE = [
    ({}, "INTEGER PRIMARY KEY"),
    ({"state": "running"}, "INDEX ix_ProcessingTask_state"),
    ({"state": "succeeded"}, "INDEX ix_ProcessingTask_state"),
    ({"status": "PENDING"}, "INDEX ix_ProcessingTask_state"),
    ({"status": "SUCCESS"}, "INDEX ix_ProcessingTask_state"),
    ({"status": "FAILURE"}, "INDEX ix_ProcessingTask_state"),
    ({"status": "UNKNOWN"}, "INDEX ix_ProcessingTask_unknown"),
    ({"plugin": "plugin-3@v1"}, "INDEX ix_ProcessingTask_plugin"),
    ({"plugin": "plugin-3"}, "INDEX ix_ProcessingTask_plugin"),
    (
        {"created_after": START + timedelta(minutes=20)},
        "INDEX ix_ProcessingTask_started_at",
    ),
    (
        {"created_before": START + timedelta(minutes=4000)},
        "INDEX ix_ProcessingTask_started_at",
    ),
]


def many():
    """Most tasks have succeeded lately; the others are of long ago."""
    old = [
        {"state": "running"},
        {"task_status": "FAILURE"},
        {"task_status": None},
        {"plugin": "plugin-3@v1", "task_status": "SUCCESS"},
        {"plugin": "plugin-3@v2", "task_status": "SUCCESS"},
    ]
    recent = [
        {"plugin": f"plugin-{n % 3}@v1", "task_status": "SUCCESS"} for n in range(6000)
    ]
    fill(*old * 300, *recent)
    if DB.engine.name == "postgresql":
        with DB.engine.connect() as connection:
            autocommit = connection.execution_options(isolation_level="AUTOCOMMIT")
            autocommit.execute(text("ANALYZE"))


def touched(plan):
    """Return how many rows each scan of a plan of PostgreSQL has read."""
    rows = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan[
        "Actual Loops"
    ]
    found = [(plan["Node Type"], rows)] if "Scan" in plan["Node Type"] else []
    return found + [each for part in plan.get("Plans", ()) for each in touched(part)]


@pytest.mark.parametrize("middle", [False, True], ids=["first page", "later page"])
def test_each_filter_alone_reads_no_more_than_its_page(app, statements, middle):
    many()
    for values, index in SINGLE:
        wanted = TaskFilter(**values)
        position = find_tasks(wanted, None, 1).older if middle else None
        del statements[:]
        assert find_tasks(wanted, position, 10).rows
        DB.session.rollback()
        statement, parameters = statements[-1]
        check = check_sqlite if DB.engine.name == "sqlite" else check_postgresql
        with DB.engine.connect() as connection:
            check(connection, statement, parameters, index, middle)


def check_sqlite(connection, statement, parameters, index, middle):
    """Each part is read from one place of its index on, in the order of the index."""
    explained = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    steps = [row[3] for row in explained]
    parts = [step for step in steps if " ProcessingTask" in step]
    assert parts
    for part in parts:
        assert part.startswith("SEARCH ProcessingTask USING "), steps
        assert f"{index} (" in part, steps
        assert "<" in part or not middle, steps  # begins behind the position


def check_postgresql(connection, statement, parameters, index, middle):
    """No part reads more rows than the page needs, and one to see whether more follow."""
    explained = connection.exec_driver_sql(
        f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters
    )
    (plan,) = explained.scalar_one()
    parts = max(statement.count("LIMIT") - 1, 1)
    for kind, rows in touched(plan["Plan"]):
        assert "Seq" not in kind and rows <= 11 * parts, (index, json.dumps(plan))
