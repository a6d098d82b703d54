"""Files to choose from: uploads, lists, relations, facts."""

import io

import pytest
from helpers.databases import on_each_database

from qhana_plugin_runner.tasking.removal import remove_task


def names(found):
    return [
        button["data-filename"] for button in found.all("button", class_="file-choice")
    ]


def task_id(kept):
    return int(kept["task"].rstrip("/").rpartition("/")[2])


def test_an_upload_is_a_task_that_has_ended_with_one_output(client, upload):
    kept = upload("penguins.csv", b"ID,mass\n1,2\n")

    assert kept["contentType"] == "text/csv" and kept["dataType"] == "entity/list"
    with client.get(kept["href"]) as answer:
        assert answer.data == b"ID,mass\n1,2\n"
    status = client.get(kept["task"]).json
    assert (status["status"], status["state"]) == ("SUCCESS", "succeeded")
    assert [{**output, "task": kept["task"]} for output in status["outputs"]] == [kept]


@pytest.mark.parametrize(
    "data, field",
    [
        ({"dataType": "entity/list"}, "file"),
        ({"file": (b"", "x.txt")}, "dataType"),
        ({"file": (b"", "x.txt"), "dataType": "a\0b"}, "dataType"),
        ({"file": (b"", "x.txt"), "dataType": "a", "contentType": "no"}, "contentType"),
    ],
)
def test_an_upload_that_lacks_something_is_refused_with_the_field(client, data, field):
    if "file" in data:
        content, name = data["file"]
        data = {**data, "file": (io.BytesIO(content), name)}
    answer = client.post("/files/", data=data)
    assert answer.status_code == 422
    assert field in str(answer.json["errors"])


@on_each_database
def test_files_are_listed_newest_first_and_filtered_by_type_and_words(upload, fragment):
    upload("one.csv", b"ID\n1\n")
    upload("two.json", b"[]", "entity/vector")
    upload("three.txt", b"text", "custom/text")

    assert names(fragment("files/")) == ["three.txt", "two.json", "one.csv"]
    assert names(fragment("files/", dataType="*", contentType="*")) == names(
        fragment("files/")
    )
    assert names(fragment("files/", dataType="entity/*")) == ["two.json", "one.csv"]
    types = ["text/csv", "text/plain"]
    assert names(fragment("files/", contentType=types)) == ["three.txt", "one.csv"]
    assert names(fragment("files/", q="TWO")) == ["two.json"]
    assert names(fragment("files/", q="nothing")) == []


@on_each_database
def test_a_long_list_has_pages(upload, fragment):
    for number in range(30):
        upload(f"{number}.txt", b"")
    first = fragment("files/", q=".txt")
    assert len(names(first)) == 25
    second = fragment(first.one("a", rel="next")["href"].removeprefix("/workbench/"))
    assert names(first) + names(second) == [f"{n}.txt" for n in reversed(range(30))]
    assert second.all("a", rel="next") == []


def test_facts_are_told_of_own_files_by_any_name_of_the_host(client, upload):
    href = upload("one.csv", b"ID\n1\n")["href"]
    path = href.removeprefix("http://localhost")
    for url in (href, path, f"https://other.example/prefix{path}"):
        answer = client.get("/workbench/file-facts", query_string={"url": url})
        assert answer.json["filename"] == "one.csv", url
    for url in (f"{href}x", "http://other.example/data.csv", "/files/1/", "data:,x"):
        answer = client.get("/workbench/file-facts", query_string={"url": url})
        assert (answer.status_code, answer.data) == (204, b""), url


@on_each_database
def test_what_a_run_was_started_with_is_kept_without_what_is_private(client, upload):
    made, used = upload("made.csv", b""), upload("used.csv", b"")
    run = {
        "resultUrl": made["task"],
        "plugin": "some@v1",
        "formData": "a=1&secret=***&file=Uploaded+file%3A+x.txt&b=",
        "dataInputs": [used["href"], ""],
    }
    assert client.post("/workbench/runs/", json=run).status_code == 204
    kept = client.get(f"/workbench/runs/{task_id(made)}/").json
    assert kept == {
        "plugin": "some@v1",
        "formData": "a=1&b=",
        "dataInputs": [used["href"]],
    }
    assert client.get(f"/workbench/runs/{task_id(used)}/").status_code == 404


@pytest.mark.parametrize("values", ["a=" + "x" * 2**20, ("a" * 94 + "=%2A&") * 11_000])
def test_of_a_long_form_the_inputs_are_kept_and_people_are_told(
    client, upload, fragment, values
):
    made, used = upload("made.csv", b""), upload("used.csv", b"")
    run = {
        "resultUrl": made["task"],
        "plugin": "some@v1",
        "formData": values,
        "dataInputs": [used["href"]],
    }
    assert client.post("/workbench/runs/", json=run).status_code == 204
    assert client.get(f"/workbench/runs/{task_id(made)}/").status_code == 404
    page = client.get(made["task"], headers={"Accept": "text/html"}).text
    assert "too long to save" in page and "Run again" not in page
    found = fragment("related", url=used["href"], relation="post")
    assert names(found) == ["made.csv"]


def test_a_form_with_nothing_but_a_star_is_kept(client, upload):
    made = upload("made.csv", b"")
    run = {"resultUrl": made["task"], "plugin": "p", "formData": "*", "dataInputs": []}
    assert client.post("/workbench/runs/", json=run).status_code == 204
    kept = client.get(f"/workbench/runs/{task_id(made)}/").json
    assert kept["formData"] == "%2A="


@on_each_database
@pytest.mark.parametrize("field", ["formData", "plugin", "resultUrl", "dataInputs"])
def test_half_of_a_surrogate_pair_is_refused_with_the_field(client, upload, field):
    made = upload("made.csv", b"")
    run = {"resultUrl": made["task"], "plugin": "p", "formData": "", "dataInputs": []}
    run[field] = ["a=\ud800"] if field == "dataInputs" else "a=\ud800"
    answer = client.post("/workbench/runs/", json=run)
    assert answer.status_code == 422
    assert "surrogate" in str(answer.json["errors"]["json"][field])


@on_each_database
def test_a_url_with_what_databases_cannot_store_is_an_input(client, upload, fragment):
    made = upload("made.csv", b"")
    url = "http://localhost/files/1/?file-id=a%00b"
    run = {"resultUrl": made["task"], "plugin": "p", "formData": "", "dataInputs": [url]}
    assert client.post("/workbench/runs/", json=run).status_code == 204
    kept = client.get(f"/workbench/runs/{task_id(made)}/").json
    assert kept["dataInputs"] == [url]
    assert names(fragment("related", url=url, relation="post")) == ["made.csv"]


@pytest.mark.parametrize(
    "url", ["/tasks/999/", "http://elsewhere/tasks/1/", "no url", ""]
)
def test_runs_of_other_runners_are_not_kept(client, upload, url):
    upload("made.csv", b"")
    run = {"resultUrl": url, "plugin": "p", "formData": "", "dataInputs": []}
    assert client.post("/workbench/runs/", json=run).status_code == 404


@on_each_database
def test_what_is_known_of_a_run_goes_with_its_task(app, client, upload):
    made = upload("made.csv", b"")
    run = {
        "resultUrl": made["task"],
        "plugin": "p",
        "formData": "a=1",
        "dataInputs": ["http://elsewhere/data.csv"],
    }
    assert client.post("/workbench/runs/", json=run).status_code == 204
    with app.app_context():
        remove_task(task_id(made))
    assert client.get(f"/workbench/runs/{task_id(made)}/").status_code == 404


@on_each_database
def test_related_files_are_inputs_and_what_was_made_of_a_file(client, upload, fragment):
    before, made = upload("before.csv", b""), upload("made.csv", b"")
    run = {
        "resultUrl": made["task"],
        "plugin": "p",
        "formData": "",
        "dataInputs": [before["href"]],
    }
    assert client.post("/workbench/runs/", json=run).status_code == 204

    def related(file, relation, **more):
        return names(fragment("related", url=file["href"], relation=relation, **more))

    assert related(made, "pre") == ["before.csv"]
    assert related(before, "post") == ["made.csv"]
    assert related(before, "pre") == []
    assert related(made, "exact") == []
    assert related(made, "exact", includeSelf="true") == ["made.csv"]
    assert related(made, "any") == ["before.csv"]
    answer = client.get("/workbench/related?url=x&relation=cousin")
    assert answer.status_code == 422 and "relation" in str(answer.json["errors"])


def test_scripts_get_files_as_json(client, upload):
    upload("a.csv", b"ID\n1\n", "entity/list", "text/csv")
    accept = {"Accept": "application/json"}
    for path in ("files/?dataType=entity/list", "files/?dataType=other/*"):
        found = client.get(f"/workbench/{path}", headers=accept).json
        assert [each["filename"] for each in found] == ["a.csv"] * ("entity" in path)
        for each in found:
            assert each["dataType"] == "entity/list" and each["contentType"] == "text/csv"
            with client.get(each["href"]) as answer:
                assert answer.data == b"ID\n1\n"
