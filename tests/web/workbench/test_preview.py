"""What is shown of files, and all outputs in one."""

import io
import json
import zipfile

import pytest

from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskFile
from qhana_plugin_runner.storage import STORE
from qhana_plugin_runner.tasking import life_cycle


def shown(fragment, kept):
    return fragment("preview", url=kept["href"])


def cells(found):
    return [
        [cell.words for cell in row.all("td")] for row in found.one("tbody").all("tr")
    ]


@pytest.mark.parametrize(
    "name, content, content_type",
    [
        ("a.csv", b"\xef\xbb\xbfID,name\n1,Ada\n2,\n", "text/csv"),
        ("a.json", b'[{"ID": 1, "name": "Ada"}, {"ID": 2}]', "application/json"),
        ("a.jsonl", b'{"ID": 1, "name": "Ada"}\n{"ID": 2}\n', "application/X-lines+json"),
        ("a.csv", "ID,name\n1,Ada\n2,\n".encode("utf-16"), "text/csv"),
        (
            "a.csv",
            "ID,name\n1,Ada\n2,\n".encode("utf-16-le"),
            "text/csv;charset=utf-16-le",
        ),
        ("a.json", '[{"ID":1,"name":"Ada"},{"ID":2}]'.encode("utf-16"), "text/json"),
        ("a.ndjson", b'{"ID": 1, "name": "Ada"}\n\n{"ID": 2}\n', "text/plain"),
    ],
)
def test_entities_are_a_table(upload, fragment, name, content, content_type):
    found = shown(fragment, upload(name, content, "entity/list", content_type))
    assert [head.words for head in found.all("th")] == ["ID", "name"]
    assert cells(found) == [["1", "Ada"], ["2", ""]]


@pytest.mark.parametrize(
    "name, content, expected",
    [
        ("a.csv", b"ID,x\n", []),
        ("a.json", b'[{"ID": 1e400, "x": [NaN, 1]}]', [["null", "[null, 1]"]]),
    ],
)
def test_a_table_needs_no_rows_and_only_numbers_that_are_some(
    upload, fragment, name, content, expected
):
    found = shown(fragment, upload(name, content))
    assert [head.words for head in found.all("th")] == ["ID", "x"]
    assert cells(found) == expected


def test_of_many_rows_the_first_thousand_are_shown(upload, fragment):
    rows = "".join(f"{number}\n" for number in range(1_500))
    found = shown(fragment, upload("many.csv", f"ID\n{rows}".encode()))
    assert [row[0] for row in cells(found)] == [str(number) for number in range(1_000)]
    assert "Only the first 1000 rows" in found.words


def test_a_table_is_read_in_the_charset_that_is_declared(upload, fragment):
    for charset in ("iso-8859-1", "cp1252"):
        content = "ID,name\n1,café\n".encode(charset)
        kept = upload("a.csv", content, "entity/list", f"text/csv; charset={charset}")
        assert cells(shown(fragment, kept)) == [["1", "café"]]
    wrong = upload("a.csv", "ID\ncafé\n".encode("iso-8859-1"))
    assert "declare its charset" in shown(fragment, wrong).one(class_="notice").words
    unknown = upload("a.csv", b"ID\n1\n", "entity/list", "text/csv; charset=klingon")
    assert "klingon" in shown(fragment, unknown).one(class_="notice").words
    assert shown(fragment, unknown).one("pre").text == "ID\n1\n"


@pytest.mark.parametrize("line_end", ["\n\n", "\r\n\r\n"])
def test_blank_lines_are_no_rows(upload, fragment, line_end):
    rows = line_end.join(str(number) for number in range(1_500))
    found = shown(fragment, upload("many.csv", f"ID{line_end}{rows}\n".encode()))
    assert len(cells(found)) == 1_000
    assert "Only the first 1000 rows" in found.words


@pytest.mark.parametrize(
    "name, content, expected",
    [
        ("a.json", r'[{"ID": "a", "x": "\ud83d"}]', "\ufffd"),
        ("a.json", r'[{"ID": "a", "\udc00": "x"}]', "\ufffd"),
        ("a.jsonl", r'{"ID": "a", "x": {"y": "\ud83d"}}', '{"y": "\ufffd"}'),
        ("b.json", r'{"x": "\ud83d"}', "\ufffd"),
    ],
)
def test_half_of_a_surrogate_pair_is_shown_as_unknown(
    upload, fragment, name, content, expected
):
    kind = "entity/list" if name.startswith("a") else "custom/other"
    assert expected in shown(fragment, upload(name, content.encode(), kind)).words


@pytest.mark.parametrize(
    "name, content",
    [("a.json", b'[{"ID": 1}, oh'), ("b.json", b"[1, 2]"), ("c.json", b"{")],
)
def test_what_is_broken_is_shown_as_text_with_the_reason(upload, fragment, name, content):
    kept = upload(name, content, "entity/list", "application/json")
    found = shown(fragment, kept)
    assert "does not match" in found.one(class_="notice").words
    assert found.one("pre").text == content.decode()


def test_rows_in_json_are_a_table_whatever_their_data_type(upload, fragment):
    rows = b' [{"metric": "F1", "value": 0.5}, {"metric": "accuracy", "fold": 1}]'
    found = shown(fragment, upload("a.json", rows, "custom/metrics"))
    assert [head.words for head in found.all("th")] == ["metric", "value", "fold"]
    assert cells(found) == [["F1", "0.5", ""], ["accuracy", "", "1"]]
    for other in (b"[1, 2]", b"[]", b"[{}, 1]", b'[{"a": '):
        found = shown(fragment, upload("a.json", other, "custom/metrics"))
        assert found.all("table") == [], other
        assert json.dumps(found.one("pre").text)


def test_json_is_made_readable(upload, fragment):
    kept = upload("a.json", b'{"a":[1]}', "custom/other", "application/json")
    assert json.loads(shown(fragment, kept).one("pre").text) == {"a": [1]}
    assert "\n  " in shown(fragment, kept).one("pre").text


def test_markup_in_data_is_text(upload, fragment):
    found = shown(fragment, upload("a.csv", b"ID\n<script>alert(1)</script>\n"))
    assert found.all("script") == []
    assert cells(found) == [["<script>alert(1)</script>"]]
    markdown = b"# Title\n<script>alert(1)</script>"
    kept = upload("a.md", markdown, "custom/text", "text/markdown")
    found = shown(fragment, kept)
    assert found.one("h1").words == "Title" and found.all("script") == []


@pytest.mark.parametrize("content_type", ["text/html", "image/svg+xml"])
def test_pages_and_drawings_are_in_a_frame_without_rights(
    client, upload, fragment, content_type
):
    kept = upload("a.html", b"<b>", "custom/plot", content_type)
    frame = shown(fragment, kept).one("iframe")
    assert frame["sandbox"] == "allow-scripts"
    with client.get(frame["src"]) as answer:
        assert answer.data == b"<b>"
        assert answer.headers["Content-Security-Policy"] == "sandbox allow-scripts"


def test_content_is_that_of_files_of_this_runner(client):
    for wrong in ("http://127.0.0.1:9/data.csv", "/files/999/?file-id=x", "x"):
        answer = client.get("/workbench/content", query_string={"url": wrong})
        assert answer.status_code == 404, wrong


def test_images_texts_and_what_is_neither(client, upload, fragment):
    image = upload("a.png", b"\x89PNG", "image/plot", "image/png")
    with client.get(shown(fragment, image).one("img")["src"]) as answer:
        assert (answer.data, answer.mimetype) == (b"\x89PNG", "image/png")
    text = upload("a.txt", b"\xff" * 400_000, "custom/text", "text/plain")
    assert "Only the beginning" in shown(fragment, text).words
    other = upload("a.bin", b"\0\1", "custom/data", "application/octet-stream")
    assert "Not a text file." in shown(fragment, other).words
    empty = upload("a.csv", b"")
    assert cells(shown(fragment, empty)) == []


def test_a_file_of_another_host_is_a_link_and_never_fetched(client, fragment):
    url = "http://127.0.0.1:9/data.csv"  # nobody listens there
    assert fragment("preview", url=url).one("a")["href"] == url
    for wrong in ("javascript:alert(1)", "/files/999/?file-id=x", "x"):
        answer = client.get("/workbench/preview", query_string={"url": wrong})
        assert answer.status_code == 404, wrong


def test_all_outputs_come_in_one_file_with_names_of_their_own(client, app):
    with app.test_request_context():
        task = ProcessingTask("a-task")
        task.save(commit=True)
        task_id = task.id
        for name, content in (
            ("a.txt", "1"),
            ("../a.txt", "2"),
            ("A.TXT", "3"),
            ("..", "4"),
            (".", "5"),
            ("run.1/data", "6"),
            ("run.1/data", "7"),
        ):
            STORE.persist_task_result(task_id, content, name, "x/y", "text/plain")
    url = f"/workbench/tasks/{task_id}/outputs.zip"
    assert client.get(url).status_code == 404
    with app.test_request_context():
        task = ProcessingTask.get_by_id(task_id)
        task.task_status, task.finished_at = "SUCCESS", task.started_at
        task.save(commit=True)
    answer = client.get(url)
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    assert answer.mimetype == "application/zip" and archive.testzip() is None
    names = archive.namelist()
    assert names == [
        "a.txt",
        "a (2).txt",
        "A (3).TXT",
        "file",
        "file (2)",
        "run.1/data",
        "run.1/data (2)",
    ]
    assert [archive.read(name) for name in names] == [b"%d" % n for n in range(1, 8)]


@pytest.mark.parametrize(
    "store, place", [("gone", "data"), ("url_file_store", "http://x/y")]
)
def test_outputs_that_cannot_be_sent_are_named_in_the_file(client, app, store, place):
    def add(task, store, name, data):
        TaskFile(task, "tag", store, name, data, "x/y", "text/plain").save(commit=True)

    with app.test_request_context():
        task, other = ProcessingTask("a-task"), ProcessingTask("a-task")
        task.save(commit=True)
        other.save(commit=True)
        add(task, store, "away.txt", place)
        add(other, store, "away.txt", place)
        STORE.persist_task_result(
            task.id, "here", "NOT INCLUDED.txt", "x/y", "text/plain"
        )
        life_cycle.succeed(task.id)
        life_cycle.succeed(other.id)
        urls = [f"/workbench/tasks/{each.id}/outputs.zip" for each in (task, other)]
    answer = client.get(urls[0])
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    assert archive.namelist() == ["NOT INCLUDED.txt", "NOT INCLUDED (2).txt"]
    assert archive.read("NOT INCLUDED.txt") == b"here"
    assert b"away.txt: Th" in archive.read("NOT INCLUDED (2).txt")
    answer = client.get(urls[1])
    assert answer.status_code == 404
    assert "away.txt" in answer.json["message"]
