"""The points of the plot, and the entities of a selection."""

import json

import palmerpenguins
import pytest

from qhana_plugin_runner.authoring import Task
from qhana_plugin_runner.testing.running import InputRefused

from . import MAX_CATEGORIES, WEBGL_FROM, scatter_plot


@pytest.fixture(scope="module")
def penguins():
    frame = palmerpenguins.load_penguins()
    frame.insert(0, "ID", [f"p{number}" for number in frame.index])
    return frame


def draw(rows, **options):
    drawn = scatter_plot(Task(), rows, **options)["plot"]
    return drawn, json.loads(drawn.to_json())


def as_rows(frame):
    return json.loads(frame.to_json(orient="records"))


def test_each_category_is_a_trace_with_its_points(penguins):
    drawn, shown = draw(as_rows(penguins), color="species")
    known = penguins.dropna(subset=["bill_length_mm", "bill_depth_mm"])
    traces = {each["name"]: each for each in shown["data"]}
    assert sorted(traces) == ["Adelie", "Chinstrap", "Gentoo"]
    for (species, group), ids in zip(known.groupby("species"), drawn.ids):
        assert traces[species]["x"] == group["bill_length_mm"].tolist()
        assert traces[species]["y"] == group["bill_depth_mm"].tolist()
        assert ids == group["ID"].tolist()
    assert len({each["marker"]["color"] for each in shown["data"]}) == 3
    assert len({each["marker"]["symbol"] for each in shown["data"]}) == 3
    assert drawn.notes == [
        "2 entities have no number in bill_length_mm or bill_depth_mm, and are not drawn."
    ]


def test_numbers_are_a_scale_and_a_third_dimension(penguins):
    drawn, shown = draw(as_rows(penguins), color="body_mass_g", z="flipper_length_mm")
    (trace,) = shown["data"]
    assert trace["type"] == "scatter3d"
    assert trace["marker"]["color"][:2] == [3750, 3800]
    assert shown["layout"]["scene"]["zaxis"]["title"]["text"] == "flipper_length_mm"
    assert drawn.selects == ""


def test_labels_of_a_second_file_belong_to_the_same_id():
    rows = [{"ID": each, "x": n, "y": n} for n, each in enumerate("abc")]
    labels = [
        {"ID": "b", "cluster": 1},
        {"ID": "a", "cluster": 0},
        {"ID": "z", "cluster": 0},
    ]
    drawn, shown = draw(rows, labels=labels)
    assert [each["name"] for each in shown["data"]] == ["0", "1", "(none)"]
    assert drawn.ids == [["a"], ["b"], ["c"]]
    assert drawn.notes == ["1 entities have no labels."]
    with pytest.raises(ValueError, match="labels have no ID of an entity"):
        draw(rows, labels=[{"ID": "q", "label": 1}])


def test_details_are_attributes_by_id():
    rows = [{"ID": each, "x": n, "y": n} for n, each in enumerate("abc")]
    details = [{"ID": "c", "x": 9, "kind": "v"}, {"ID": "a", "kind": "u"}, {"ID": "b"}]
    labels = [{"ID": each, "label": "all"} for each in "abc"]
    drawn, shown = draw(rows, labels=labels, details=details, symbol="kind")
    traces = shown["data"]
    assert [each["name"] for each in traces] == ["all, (none)", "all, u", "all, v"]
    assert [each["x"] for each in traces] == [[1], [0], [2]]
    assert len({each["marker"]["color"] for each in traces}) == 1


def test_of_many_entities_a_sample_is_drawn():
    rows = [{"ID": str(n), "x": n, "y": -n, "kind": f"k{n % 40}"} for n in range(9_000)]
    drawn, shown = draw(rows, points=5_000, color="kind")
    assert sum(map(len, drawn.ids)) == 5_000 > WEBGL_FROM
    assert {each["type"] for each in shown["data"]} == {"scattergl"}
    assert drawn.notes[0] == "A random sample of 5,000 of 9,000 entities."
    assert len(shown["data"]) == MAX_CATEGORIES + 1
    again, _shown = draw(rows, points=5_000, color="kind")
    other, _shown = draw(rows, points=5_000, color="kind", seed=1)
    assert again.ids == drawn.ids != other.ids


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match="no entities"):
        draw([])
    with pytest.raises(
        ValueError, match="no attribute with numbers for the y axis; there are: x, k"
    ):
        draw([{"ID": "a", "x": 1, "k": "b"}])
    with pytest.raises(ValueError, match="attribute 'q'; there are: x, y"):
        draw([{"ID": "a", "x": 1, "y": 2}], color="q")


def test_a_selection_is_a_list_of_ids(run_plugin, fake_data_server):
    url = fake_data_server.put("ID,x,y\na,1,2\n", "points.csv")
    for wrong in ("a", "[1]", "{}"):
        with pytest.raises(InputRefused, match="as a list in JSON"):
            run_plugin("scatter-plot", data=url, selected=wrong)


def test_names_and_ids_are_no_markup():
    evil = "</script><b>%{x}</b><a href='javascript:x'>"
    drawn, shown = draw([{"ID": evil, evil: 1, "y": 2, "k": evil}], color="k")
    trace = shown["data"][0]
    assert "<b>%" not in str(shown) and "<a" not in str(shown)
    assert trace["hovertext"][0].startswith("<b>&lt;/script&gt;&lt;b&gt;%{x}&lt;/b&gt;")
    assert "</" not in drawn.json and "<" not in drawn.json
    assert json.loads(drawn.json)["ids"] == [[evil]]


def test_a_selection_becomes_an_entity_file(run_plugin, fake_data_server):
    url = fake_data_server.put("ID,x,y\na,1,2\nb,3,4\nc,5,6\n", "points.csv")
    task = run_plugin("scatter-plot", data=url, selected=json.dumps(["c", "a"]))
    (made,) = task.outputs
    assert (made.name, made.data_type) == ("selection.json", "entity/list")
    assert [each["ID"] for each in made.entities()] == ["a", "c"]
    assert "2 of 2 selected entities found." in task.log
    whole = run_plugin("scatter-plot", data=url)
    assert [each.name for each in whole.outputs] == ["plot.html"]
