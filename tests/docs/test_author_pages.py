"""The plugins on the pages for authors load, and do what the pages say."""

import csv
import io

import pytest
from helpers.markdown import blocks

# Imported, as a plugin of pytest they would be those of all tests of the session.
from qhana_plugin_runner.testing.fixtures import (  # noqa: F401
    app,
    client,
    fake_data_server,
    run_plugin,
)

PAGES = {
    "forms": "docs_cakes",
    "files-and-data-types": "docs_files",
    "progress-and-cancel": "docs_primes",
    "several-steps": "docs_column",
    "visualization": "docs_bars",
    "large-data": "docs_scale",
}

ROWS = [
    {"ID": "a", "label": "x", "size": "2"},
    {"ID": "b", "label": "y", "size": "NA"},
    {"ID": "c", "label": "x", "size": "4"},
]


def table(rows):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.fixture(scope="module")
def plugin_folders(tmp_path_factory):
    folder = tmp_path_factory.mktemp("author-pages")
    for page, module in PAGES.items():
        for number, block in enumerate(blocks(f"how-to/{page}.md", "plugin")):
            (folder / f"{module}_{number}.py").write_text(block.text, "utf-8")
    return [str(folder)]


@pytest.fixture
def entities(fake_data_server):
    return fake_data_server.put(table(ROWS), "rows.csv")


def test_the_form_has_the_inputs_of_the_page(client):
    page = client.get(
        "/plugins/order-cakes@v1-0-0/ui/", query_string={"recipient": "Ada"}
    )
    for part in (
        'value="Ada"',
        'minlength="2"',
        'max="12"',
        "<textarea",
        "Note for the bakery",
        'type="date"',
        'type="checkbox"',
        "<strong>bottom</strong>",
        'value="none" selected',
    ):
        assert part in page.text, part


def test_a_form_becomes_an_order(run_plugin):
    values = {"recipient": "Ada", "pieces": 2, "shape": "square", "is_gift": True}
    task = run_plugin("order-cakes", **values, colors=["red", "white"], day="")
    (output,) = task.outputs
    assert output.text == "2 x with corners, none, red/white for Ada (a gift)\n"


def test_entities_become_points(run_plugin, fake_data_server):
    url = fake_data_server.put(table([ROWS[0], ROWS[2]]), "rows.csv")
    (output,) = run_plugin("center", entities=url).outputs
    assert output.json() == [
        {"ID": "a", "href": "", "size": -1},
        {"ID": "c", "href": "", "size": 1},
    ]


def test_incomplete_entities_are_dropped(run_plugin, entities):
    (output,) = run_plugin("drop-incomplete", entities=entities).outputs
    assert output.json() == [ROWS[0], ROWS[2]]


def test_the_first_lines_are_kept(run_plugin, fake_data_server):
    url = fake_data_server.put("one\ntwo\nthree\n", "text.txt")
    task = run_plugin("first-lines", text=url, lines=2)
    (output,) = task.outputs
    assert output.text == "one\ntwo\n"
    assert task.log == "Kept 2 lines of text.txt."


def test_primes_are_found(run_plugin):
    task = run_plugin("find-primes", limit=20)
    (output,) = task.outputs
    assert output.json() == [2, 3, 5, 7, 11, 13, 17, 19]


def test_a_column_is_chosen_on_the_way(run_plugin, entities):
    task = run_plugin("extract-column", entities=entities)
    with pytest.raises(Exception, match="column"):
        task.answer("choose", column="other")
    task = task.answer("choose", column="label", unique=True)
    (output,) = task.outputs
    assert output.text == "x\ny"


def test_bars_are_drawn(run_plugin, entities):
    (output,) = run_plugin("draw-bars", entities=entities).outputs
    assert output.text.count("<rect") == 2
    assert 'width="400"' in output.text


def test_an_attribute_is_scaled_in_two_passes(run_plugin, fake_data_server):
    rows = [row for row in ROWS if row["size"] != "NA"]
    url = fake_data_server.put(table(rows), "rows.csv")
    (output,) = run_plugin("scale-attribute", entities=url, attribute="size").outputs
    assert [row["size"] for row in output.json()] == [0, 1]
