"""The cells of the matrix, compared with pandas and scikit-learn."""

import json
import tracemalloc

import pandas
import pytest
from sklearn.datasets import load_iris
from sklearn.metrics import confusion_matrix
from sklearn.metrics.pairwise import rbf_kernel

from qhana_plugin_runner.authoring import Task

from . import MAX_SIDE, heatmap


def draw(rows, **options):
    drawn = heatmap(Task(), rows, **options)
    shown = json.loads(drawn.to_json())
    return drawn, shown["data"][0], shown["layout"]


def test_half_a_kernel_matrix_is_drawn_whole():
    kernel = rbf_kernel(load_iris().data[:20])
    rows = [
        {"entity_1_ID": f"e{i}", "entity_2_ID": f"e{j}", "kernel": kernel[i, j]}
        for i in range(20)
        for j in range(i, 20)
    ]
    _drawn, trace, layout = draw(rows)
    assert trace["z"] == pytest.approx(kernel)
    assert trace["x"] == trace["y"] == [f"e{i}" for i in range(20)]
    assert layout["yaxis"]["autorange"] == "reversed"


def test_a_confusion_matrix_has_what_is_right_on_the_diagonal():
    actual, predicted = list("ccabbbaac"), list("cbabbcaab")
    counted = pandas.DataFrame({"actual": actual, "predicted": predicted})
    rows = counted.value_counts().reset_index().to_dict("records")
    _drawn, trace, layout = draw(rows)
    assert trace["z"] == confusion_matrix(actual, predicted).tolist()
    assert trace["x"] == trace["y"] == ["a", "b", "c"]
    assert layout["xaxis"]["title"]["text"] == "predicted"


def test_any_attributes_may_hold_cells():
    rows = [
        {"ID": "1", "from": "a", "to": "b", "weight": "2.5"},
        {"ID": "2", "from": "b", "to": "c"},
    ]
    drawn, trace, _layout = draw(rows, row="from", column="to", value="weight")
    assert (trace["y"], trace["x"], trace["z"]) == (["a"], ["b"], [[2.5]])
    assert drawn.notes == ["1 values of weight are no numbers, and left out."]


def test_entities_are_rows_of_their_numbers():
    rows = [
        {"ID": "a", "x": "1", "y": "2", "k": "z"},
        {"ID": "b", "x": "3", "y": "", "k": "z"},
    ]
    _drawn, trace, _layout = draw(rows)
    assert (trace["x"], trace["y"]) == (["x", "y"], ["a", "b"])
    assert trace["z"] == [[1, 2], [3, None]]


def test_large_matrices_are_cut():
    drawn, trace, _layout = draw([{"ID": str(n), "x": n} for n in range(MAX_SIDE + 5)])
    assert len(trace["z"]) == MAX_SIDE
    assert drawn.notes == ["Only the first 1,000 rows and columns are drawn."]
    assert "texttemplate" not in trace


@pytest.mark.parametrize("kind", ["classes", "attributes"])
def test_of_large_matrices_no_more_is_made_than_drawn(monkeypatch, kind):
    monkeypatch.setattr("heatmap.MAX_SIDE", 10)
    if kind == "classes":
        rows = [{"actual": str(n), "predicted": str(n), "count": 1} for n in range(500)]
    else:
        rows = [{"ID": str(n)} | {f"x{m}": m for m in range(9_000)} for n in range(11)]
    tracemalloc.start()
    draw(rows)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 2**20


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match="no entities"):
        draw([])
    with pytest.raises(ValueError, match="attributes with numbers; attributes: k"):
        draw([{"ID": "a", "k": "b"}])
    with pytest.raises(ValueError, match="row, column and value"):
        draw([{"ID": "a", "k": "b"}], row="k")


def test_the_page_draws_and_a_task_makes_a_file(run_plugin, fake_data_server):
    url = fake_data_server.put("actual,predicted,count\na,b,2\n", "confusion.csv")
    page = run_plugin.client.get(
        "/plugins/heatmap@v1-0-0/ui/", query_string={"data": url}
    )
    assert "Matrix of count: 2 by 2 cells" in page.text
    assert run_plugin("heatmap", data=url).outputs.names == ["heatmap.html"]
