"""The page of all files, the pages of single ones, and what plugins they are offered to."""

import io

import pytest
from helpers.databases import on_each_database
from helpers.html_tree import read_html
from helpers.plugins import plugin_source

from qhana_plugin_runner.web.workbench import pages
from qhana_plugin_runner.web.workbench.groups import group_of
from qhana_plugin_runner.web.workbench.plugin_entries import PluginData, PluginEntry

TAKES = """
METADATA = {{
    "title": {title!r},
    "type": {type!r},
    "entryPoint": {{
        "href": "./process/",
        "uiHref": "./ui/",
        "dataInput": [{{"parameter": "data", "dataType": {wanted!r}, "required": True}}],
    }},
}}
PluginView.get = lambda self: METADATA
"""


def taker(name, title, type_, wanted):
    source = plugin_source(name) + TAKES.format(title=title, type=type_, wanted=wanted)
    return source.replace("@BLP.response(200)\n    def get", "def get")


@pytest.fixture
def read(client):
    def read(path, **query):
        answer = client.get(path, query_string=query or None)
        assert answer.status_code == 200, answer.text
        return read_html(answer.text)

    return read


def names(page):
    return [row.one("th").words for body in page.all("tbody") for row in body.all("tr")]


@on_each_database
def test_all_files_are_listed_with_their_origin_and_filtered(upload, read):
    upload("one.csv", b"ID\n1\n")
    upload("two.json", b"[]", "entity/vector")
    upload("three.txt", b"text", "custom/text")
    page = read("/workbench/data/")
    assert names(page) == ["three.txt", "two.json", "one.csv"]
    row = page.one("tbody").all("tr")[2].words
    assert "entity/listtext/csv Upload, Task 1 5 Bytes" in row
    types = [each["value"] for each in page.one("datalist").all("option")]
    assert types == ["custom/text", "entity/list", "entity/vector"]
    assert names(read("/workbench/data/", dataType="entity/*")) == ["two.json", "one.csv"]
    assert names(read("/workbench/data/", dataType="ENTITY/list")) == ["one.csv"]
    assert names(read("/workbench/data/", dataType="entity")) == ["two.json", "one.csv"]
    assert names(read("/workbench/data/", q="TWO")) == ["two.json"]
    nothing = read("/workbench/data/", dataType="none/such")
    assert names(nothing) == [] and "No files match." in nothing.words


@on_each_database
@pytest.mark.parametrize("wanted", ["", "entity/list", "entity/*"])
def test_a_long_list_has_pages_of_each_data_type(upload, read, monkeypatch, wanted):
    monkeypatch.setattr(pages, "PAGE_SIZE", 2)
    types = ["entity/list", "custom/x", "entity/vector"]
    for number in range(9):
        upload(f"{number}.txt", b"", types[number % 3])
    page = read("/workbench/data/", dataType=wanted)
    found = names(page)
    while following := page.all("a", rel="next"):
        page = read(following[0]["href"])
        found += names(page)
    expected = {"": range(9), "entity/list": (0, 3, 6), "entity/*": (0, 2, 3, 5, 6, 8)}
    assert found == [f"{number}.txt" for number in reversed(expected[wanted])]


def test_the_page_of_a_file_shows_it_to_those_who_have_its_tag(client, upload, read):
    upload("one.csv", b"ID,name\n1,<b>\n")
    (link,) = [row.one("a") for row in read("/workbench/data/").all("th", scope="row")]
    page = read(link["href"])
    assert page.one("h1").words == "one.csv"
    assert [cell.words for cell in page.one("tbody").all("td")] == ["1", "<b>"]
    assert "Upload, Task 1" in page.words
    path = link["href"].partition("?")[0]
    for wrong in (path, f"{path}?file-id=x", "/workbench/data/999/?file-id=x"):
        assert client.get(wrong).status_code == 404


def test_a_file_is_offered_to_plugins_by_what_they_are_for(plugins):
    kinds = ("dataloader", "conversion")
    for kind in kinds:
        plugins.write(f"the_{kind}.py", taker(kind, kind, kind, "entity/*"))
    plugins.write("table.py", taker("table", "Table", "visualization", "entity/*"))
    plugins.write("heat.py", taker("heat", "Heat", "visualization", "custom/matrix"))
    client = plugins.client()

    def brief(name, data_type):
        form = {"file": (io.BytesIO(b'[{"ID": 1}]'), name), "dataType": data_type}
        kept = client.post("/files/", data=form).json
        query = {"url": kept["href"], "brief": 1}
        return read_html(client.get("/workbench/preview", query_string=query).text)

    found = brief("a.json", "entity/list")
    groups = found.one("details", class_="use-in").all("dl")[0].all("div")
    assert [group.words for group in groups] == [
        "Import data dataloader",
        "Shape data conversion",
    ]
    views = found.all("a", class_="visualise")
    assert [view.words for view in views] == ["Table"]
    assert "data-first" not in views[0], "a table shows itself"
    (view,) = brief("b.json", "custom/matrix").all("a", class_="visualise")
    assert view.words == "Heat" and "data-first" in view


def test_what_is_short_shows_the_first_rows_only(upload, fragment):
    rows = "".join(f"{number}\n" for number in range(100))
    kept = upload("many.csv", f"ID\n{rows}".encode())
    found = fragment("preview", url=kept["href"], brief="true")
    assert len(found.one("tbody").all("tr")) == 8
    more = found.one("p", class_="more").one("a")
    assert more["href"].startswith("/workbench/data/")


@pytest.mark.parametrize(
    "type_, tags, group",
    [
        ("dataloader", ["quantum-free"], "load"),
        ("processing", ["Data-Loading"], "load"),
        ("conversion", [], "shape"),
        ("processing", ["learning", "shaping"], "learn"),
        ("processing", ["QML", "ML"], "quantum"),
        ("visualization", ["learning", "quantum"], "look"),
        ("processing", ["demo"], "other"),
        (None, [], "other"),
    ],
)
def test_a_plugin_of_several_kinds_is_in_one_group(type_, tags, group):
    entry = PluginEntry("p@v1", "p", "v1", "P", "", tuple(tags), "", type=type_)
    assert group_of(entry).name == group


def test_attributes_are_told_of_files_with_entities(client, upload):
    def told(url):
        return client.get("/workbench/attributes", query_string={"url": url}).json

    assert told(upload("a.csv", b"ID,b c\n1,2\n")["href"]) == ["ID", "b c"]
    rows = b'[{"ID": 1}, {"ID": 2, "x": 1}]'
    assert told(upload("a.json", rows)["href"]) == ["ID", "x"]
    for other in (
        upload("a.txt", b"x", "custom/text")["href"],
        "http://x/y",
        "/files/1/",
    ):
        assert told(other) == [], other


def test_a_file_goes_into_the_input_that_names_its_type():
    def takes(name, data_type, required=False):
        return PluginData(name, data_type, (), required)

    inputs = (takes("any", "*"), takes("entities", "entity/*", True))
    inputs += (takes("labels", "entity/label"),)
    entry = PluginEntry("p@v1", "p", "v1", "P", "", (), "", inputs=inputs)
    assert entry.input_for("entity/label", "").name == "labels"
    assert entry.input_for("entity/list", "").name == "entities"
    assert entry.input_for("custom/x", "").name == "any"
    assert entry.input_for("entity", "").name == "entities"


def test_files_say_what_they_were_made_of(client, upload, read, fragment):
    used, made = upload("used.csv", b""), upload("made.csv", b"")
    links = [used["href"], "http://elsewhere.example/x", "/files/999/?file-id=x"]
    run = {"resultUrl": made["task"], "plugin": "p", "formData": "", "dataInputs": links}
    assert client.post("/workbench/runs/", json=run).status_code == 204
    rows = [row.words for row in read("/workbench/data/").one("tbody").all("tr")]
    assert "created from used.csv" in rows[0] and "created from" not in rows[1]
    choices = [each.words for each in fragment("files/").all("button")]
    assert "created from used.csv" in choices[1]
