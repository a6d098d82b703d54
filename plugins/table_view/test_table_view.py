"""Order, search and pages, compared with pandas."""

import json
import re

import pandas
import pytest

from qhana_plugin_runner.authoring import Task

from . import read_metadata, table_view
from .tables import STREAMED_ROWS, Query, Table

PAGE = "/plugins/table-view@v1-0-0/ui/"

ROWS = [
    {"ID": f"e{n}", "size": (n * 37) % 101 / 10 if n % 9 else None, "kind": "xyZ"[n % 3]}
    for n in range(200)
]


def ids(found):
    return [row[0] for row in found.rows]


@pytest.fixture(scope="module")
def table():
    return Table(ROWS)


@pytest.fixture(scope="module")
def frame():
    return pandas.DataFrame(ROWS)


@pytest.mark.parametrize("descending", [False, True])
def test_rows_are_sorted_as_pandas_does(table, frame, descending):
    found = table.find(Query("size", descending), 20, 150)
    expected = frame.sort_values("size", ascending=not descending, kind="stable")
    assert [row[1] for row in found.rows] == [
        None if pandas.isna(each) else each for each in expected["size"][20:170]
    ]
    assert (found.total, found.has_more) == (200, True)


@pytest.mark.parametrize("column", [None, "kind"])
def test_texts_are_found_in_any_case(table, frame, column):
    found = table.find(Query(search="Z", column=column), 0, 200)
    assert ids(found) == frame[frame["kind"] == "Z"]["ID"].tolist()
    assert ids(table.find(Query(search="z", column=column), 0, 200)) == ids(found)
    assert table.find(Query(search="%", column=column), 0, 9).total == 0


@pytest.mark.parametrize("search", ["ä", "STRAß", "ΣΟΦ", "x" * 60_000])
def test_case_and_length_of_texts_in_all_languages(search):
    texts = ["Äpfel", "straße", "Σοφία", "X" * 70_000, None]
    table = Table([{"ID": str(n), "t": each} for n, each in enumerate(texts)])
    expected = [
        str(n)
        for n, each in enumerate(texts)
        if each and search.casefold() in each.casefold()
    ]
    assert ids(table.find(Query(search=search, column="t"), 0, 9)) == expected


def test_numbers_are_compared_as_numbers(table, frame):
    found = table.find(
        Query("size", search="9.5", column="size", condition="at least"), 0, 200
    )
    expected = frame[frame["size"] >= 9.5].sort_values("size", kind="stable")
    assert ids(found) == expected["ID"].tolist()
    found = table.find(Query(search="3.70", column="size", condition="equals"), 0, 9)
    assert ids(found) == frame[frame["size"] == 3.7]["ID"].tolist()


def test_values_of_all_kinds_have_an_order():
    values = ["b", 10, 9, "A", None, "", [1], True, 2**70]
    table = Table([{"ID": str(n), "v": each} for n, each in enumerate(values)])
    shown = [row[1] for row in table.find(Query("v"), 0, 9).rows]
    assert shown == [9, 10, str(2**70), "[1]", "A", "b", "true", None, None]


def test_attributes_may_come_late():
    rows = [{"ID": str(n)} for n in range(1_500)] + [{"ID": "x", "late": 1}]
    found = Table(rows).find(Query("late"), 0, 1)
    assert (found.columns, list(found.rows[0])) == (["ID", "late"], ["x", 1])


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
def test_pages_are_linked_and_say_where_one_is(run_plugin, fake_data_server, form):
    rows = [{"ID": f"e{n}", "size": n} for n in range(STREAMED_ROWS + 60)]
    text = {
        "csv": pandas.DataFrame(rows).to_csv(index=False),
        "json": json.dumps(rows),
        "jsonl": "\n".join(map(json.dumps, rows)),
    }[form]
    url = fake_data_server.put(text, f"large.{form}")

    def get(href):
        text = run_plugin.client.get(PAGE + href).text
        caption = re.search(r"<caption[^>]*>(.*?)</caption>", text)[1]
        links = dict(re.findall(r'<a href="(\?[^"]*)">(\w+)</a>', text))
        return caption, {name: href.replace("&amp;", "&") for href, name in links.items()}

    caption, links = get(f"?data-url={url}")
    assert caption == "Rows 1 to 50"
    caption, links = get(links["Next"])
    assert caption == "Rows 51 to 100"
    caption, links = get(links["size"])
    assert caption == "Rows 1 to 50 of 5,060, sorted by size, ascending"
    caption, links = get(links["Last"])
    assert caption == "Rows 5,051 to 5,060 of 5,060, sorted by size, ascending"
    fetched = len(fake_data_server.requests)
    caption, links = get(links["size"])
    assert caption == "Rows 1 to 50 of 5,060, sorted by size, descending"
    assert "Previous" not in links and len(fake_data_server.requests) == fetched + 1


@pytest.mark.parametrize("query", [{}, {"search": "1"}, {"page": "200"}])
@pytest.mark.parametrize(
    "text, shown",
    [
        ("[1, 2]", "Not every entity is an object."),
        ('[{"ID": "1"}, [2]]', "Not every entity is an object."),
        ("[{}, {}]", "rows"),
        ('[{"ID": "1", "v": ["\\ud800"]}, {"ID": "\\udfff"}]', "ow"),
    ],
)
def test_odd_entities_are_shown_or_said(run_plugin, fake_data_server, query, text, shown):
    url = fake_data_server.put(text, "odd.json")
    answer = run_plugin.client.get(PAGE, query_string={"data": url, **query})
    assert answer.status_code == 200 and shown in answer.text
    assert "codec" not in answer.text


def test_a_file_that_fills_the_disk_is_refused(run_plugin, fake_data_server, monkeypatch):
    url = fake_data_server.put(ROWS * 10, "large.json")
    monkeypatch.setattr("table_view.tables.MAX_PAGES", 5)
    query = {"data": url, "sort": "size"}
    text = run_plugin.client.get(PAGE, query_string=query).text
    assert "too large to be sorted or searched here" in text
    monkeypatch.undo()
    assert "Rows 1 to 50 of 2,000" in run_plugin.client.get(PAGE, query_string=query).text


def test_titles_come_from_the_metadata_of_attributes(run_plugin, fake_data_server):
    url = fake_data_server.put("ID,size\na,1\n", "a.csv")
    about = fake_data_server.put(
        [{"ID": "size", "title": "Size (cm)", "description": "From <b> to toe"}], "m.json"
    )
    text = run_plugin.client.get(
        PAGE, query_string={"data": url, "attributes": about}
    ).text
    assert ">Size (cm)</a>" in text and 'title="From &lt;b&gt; to toe"' in text


@pytest.mark.parametrize("text", [None, "[1]", "no JSON"])
def test_metadata_that_cannot_be_read_is_a_note(fake_data_server, text):
    url = fake_data_server.url + "nothing"
    if text:
        url = fake_data_server.put(text, "m.json")
    notes = []
    assert read_metadata(None, url, notes) == {}
    assert notes == ["The attribute metadata that the server names cannot be read."]


def test_a_file_has_the_rows_that_were_found(run_plugin, fake_data_server):
    url = fake_data_server.put(ROWS, "rows.json")
    task = run_plugin("table-view", data=url, sort="size", search="Z", descending=True)
    (made,) = task.outputs
    assert (made.data_type, made.content_type) == ("table/html", "text/html")
    shown = re.findall(r'<th scope="row">(.*?)</th>', made.content.decode())
    expected = (
        pandas.DataFrame(ROWS)
        .query("kind == 'Z'")
        .sort_values("size", ascending=False, kind="stable")
    )
    assert shown == expected["ID"].tolist()


@pytest.mark.parametrize(
    "query, reason",
    [
        ({"sort": "q"}, "No entity has the attribute &#39;q&#39;; there are: ID, size."),
        (
            {"search": "1", "condition": "equals"},
            "Choose the column for &#39;equals&#39;.",
        ),
        ({"page": "0"}, "greater than or equal to 1"),
    ],
)
def test_what_is_wrong_is_said(run_plugin, fake_data_server, query, reason):
    url = fake_data_server.put("ID,size\na,1\n", "a.csv")
    answer = run_plugin.client.get(PAGE, query_string={"data": url, **query})
    assert reason in answer.text


def test_an_empty_file_is_an_empty_table():
    assert table_view(Task(), []).title == "There are no rows."
