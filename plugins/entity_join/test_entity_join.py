"""Tests of the plugin entity-join."""

import io

import pandas as pd
import pytest

from qhana_plugin_runner.authoring import Task
from qhana_plugin_runner.testing.running import TaskFailed

from . import entity_join


def table(output):
    return pd.read_csv(io.StringIO(output.text))


HOW = {"matches": "inner", "first file": "left", "both files": "outer"}

FACTS = pd.DataFrame(
    {
        "ID": ["a", "b", "c", "d", "e"],
        "name": ["Adelie", "Adelie", "Gentoo", "Emperor", None],
        "year": [2007, 2008, 2008, 2009, 2009],
        "color": ["black", "white", "gray", "yellow", "none"],
    }
)


def same_rows(rows, wanted):
    """Compare tables whatever the order of their rows."""
    wanted = wanted[list(rows)]
    ordered = [
        each.sort_values(list(each)).reset_index(drop=True) for each in (rows, wanted)
    ]
    pd.testing.assert_frame_equal(*ordered, check_dtype=False)


@pytest.mark.parametrize("keep", HOW)
@pytest.mark.parametrize("is_swapped", [False, True])
def test_the_rows_are_those_of_pandas(
    penguins, run_plugin, url, fake_data_server, keep, is_swapped
):
    facts = FACTS.rename(columns={"name": "species"})
    facts_url = fake_data_server.put(facts.to_csv(index=False), "facts.csv")
    files, frames = [url, facts_url], [penguins, facts]
    if is_swapped:
        files.reverse(), frames.reverse()
    on = ["species", "year"]
    task = run_plugin(
        "entity-join", left=files[0], right=files[1], left_attributes=on, keep=keep
    )
    wanted = frames[0].merge(frames[1], how=HOW[keep], on=on, suffixes=("", "_right"))
    assert len(wanted) > 50
    same_rows(table(task.outputs["joined"]), wanted)
    assert f"The result has {len(wanted)} rows." in task.log


@pytest.mark.parametrize("keep", HOW)
def test_attributes_of_different_names(penguins, run_plugin, url, fake_data_server, keep):
    facts_url = fake_data_server.put(FACTS.to_csv(index=False), "facts.csv")
    task = run_plugin(
        "entity-join",
        left=url,
        right=facts_url,
        left_attributes=["species"],
        right_attributes=["name"],
        keep=keep,
        suffix=" of facts",
    )
    facts = FACTS.rename(columns={"name": "species"})
    # The penguins all have a species, so no missing value meets another one.
    wanted = penguins.merge(
        facts, how=HOW[keep], on="species", suffixes=("", " of facts")
    )
    same_rows(table(task.outputs["joined"]), wanted)


def test_the_order_is_that_of_the_larger_file(
    penguins, run_plugin, url, fake_data_server
):
    few = fake_data_server.put(
        [{"ID": "penguin 9", "x": 1}, {"ID": "penguin 4"}], "few.csv"
    )
    for left, right in ((url, few), (few, url)):
        task = run_plugin("entity-join", left=left, right=right)
        assert list(table(task.outputs["joined"])["ID"]) == ["penguin 4", "penguin 9"]


def join(left, right, *attributes, **options):
    return list(entity_join(Task(), left, right, *attributes, **options))


def test_missing_values_match_nothing():
    left = [{"ID": 1, "k": ""}, {"ID": 2}, {"ID": 3, "k": "a"}]
    right = [{"ID": "x", "k": ""}, {"ID": "y", "k": None}, {"ID": "z", "k": "a"}]
    for first, second in ((left, right), (left, right[2:]), (left[2:], right)):
        (row,) = join(first, second, ["k"])
        assert row == {"ID": 3, "k": "a", "ID_right": "z"}
    both = join(left, right, ["k"], keep="both files")
    assert [row.get("ID") for row in both] == [1, 2, 3, None, None]
    assert [row.get("ID_right") for row in both] == [None, None, "z", "x", "y"]


def test_numbers_of_json_match_texts_of_csv():
    assert join([{"ID": 1, "a": 2}], [{"ID": "1", "b": 3}]) == [{"ID": 1, "a": 2, "b": 3}]


def test_what_has_the_same_id_has_one_href():
    left = [{"ID": "a", "href": "/a", "x": 1}, {"ID": "b", "href": "", "x": 2}]
    right = [
        {"ID": "a", "href": "", "y": 3},
        {"ID": "b", "href": "/b"},
        {"ID": "c", "href": "/c"},
    ]
    rows = join(left, right, keep="both files")
    assert [row["href"] for row in rows] == ["/a", "/b", "/c"]
    assert {name for row in rows for name in row} == {"ID", "href", "x", "y"}
    row, _ = join(left, [{"x": 1, "href": "/x"}] * 2, ["x"])
    assert row == {"ID": "a", "href": "/a", "x": 1, "href_right": "/x"}


def test_an_empty_file():
    rows = [{"ID": "1", "a": "x"}]
    assert join(rows, []) == join([], rows) == []
    assert join(rows, [], keep="first file") == join([], rows, keep="both files") == rows


def test_attributes_that_come_late():
    left = [{"ID": 1, "a": 1}, {"ID": 2, "b": 2}]
    right = [{"ID": 1, "b": 3}]
    with pytest.raises(ValueError, match="two attributes 'b': choose another suffix, or"):
        join(left, right)
    assert join(right, left) == [{"ID": 1, "b": 3, "a": 1}]


def test_slips(run_plugin, url):
    for name in ("left_attributes", "right_attributes"):
        with pytest.raises(TaskFailed, match="No entity has the attribute 'id'"):
            run_plugin("entity-join", left=url, right=url, **{name: ["id"]})
    with pytest.raises(
        TaskFailed, match="1 attributes of the first file cannot be compared"
    ):
        run_plugin("entity-join", left=url, right=url, right_attributes=["ID", "sex"])
    with pytest.raises(
        TaskFailed, match="two attributes 'ID_right': choose another suff"
    ):
        rows = [{"ID": 1, "k": 1, "ID_right": 1}]
        data = run_plugin.data.put(rows, "rows.csv")
        run_plugin("entity-join", left=data, right=data, left_attributes=["k"])
