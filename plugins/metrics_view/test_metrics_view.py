"""The table, compared with pandas, and the lines."""

import json
import re

import pandas
import pytest

from qhana_plugin_runner.authoring import Figure, Page, Task

from . import metrics_view

FOLDS = [
    {"metric": metric, "value": value + fold**2 / 100, "fold": fold}
    for metric, value in (("accuracy", 0.9), ("<i>f1</i>", 0.8))
    for fold in range(5)
]


def test_folds_are_summarized_as_pandas_does():
    shown = metrics_view(Task(), FOLDS)
    assert isinstance(shown, Page)
    assert "<th scope='row'>&lt;i&gt;f1&lt;/i&gt;</th>" in shown.body
    cells = [
        float(each) for each in re.findall(r"<td class='number'>(.*?)</td>", shown.body)
    ]
    expected = (
        pandas.DataFrame(FOLDS)
        .groupby("metric")["value"]
        .agg(["mean", "std", "min", "max", "count"])
    )
    assert cells[:5] == pytest.approx(expected.loc["accuracy"].tolist(), rel=1e-5)
    assert cells[5:] == pytest.approx(expected.loc["<i>f1</i>"].tolist(), rel=1e-5)


def test_iterations_are_a_line_in_their_order():
    rows = [{"metric": "loss", "value": 1 / (i + 1), "iteration": i} for i in (2, 0, 1)]
    shown = metrics_view(Task(), [*rows, {"metric": "accuracy", "value": 0.5}])
    assert isinstance(shown, Figure)
    (trace,) = json.loads(shown.to_json())["data"]
    assert trace["x"] == [0, 1, 2]
    assert trace["y"] == pytest.approx([1, 1 / 2, 1 / 3])
    assert "loss: first 1, last 0.333333, least 0.333333." in shown.body
    assert "accuracy" in shown.body


def test_each_fold_has_its_own_line():
    rows = [
        {"metric": "loss", "value": i, "iteration": i, "fold": f}
        for f in (1, 2)
        for i in range(3)
    ]
    traces = json.loads(metrics_view(Task(), rows).to_json())["data"]
    assert [each["name"] for each in traces] == ["loss, fold 1", "loss, fold 2"]


def test_what_is_of_no_fold_is_a_line_of_its_own():
    shown = metrics_view(Task(), [*FOLDS, {"metric": "accuracy", "value": 0.75}])
    names = re.findall("<th scope='row'>(.*?)</th>", shown.body)
    assert names[:2] == ["accuracy", "accuracy (overall)"]
    assert ">5</td>" in shown.body and ">0.75</td>" in shown.body


def test_two_files_are_side_by_side():
    other = [{"metric": "accuracy", "value": 0.5}]
    shown = metrics_view(Task(), FOLDS, other)
    names = re.findall("<th scope='row'>(.*?)</th>", shown.body)
    assert names == ["accuracy", "accuracy (compared)", "&lt;i&gt;f1&lt;/i&gt;"]


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match="no attribute 'metric'"):
        metrics_view(Task(), [{"ID": "a", "x": 1}])
    with pytest.raises(ValueError, match="no metrics"):
        metrics_view(Task(), [])
    shown = metrics_view(Task(), [*FOLDS, {"metric": "accuracy", "value": "bad"}])
    assert shown.notes == ["1 values are no numbers, and left out."]


def test_the_page_shows_them_and_a_task_makes_a_file(run_plugin, fake_data_server):
    url = fake_data_server.put(FOLDS, "metrics.json")
    page = run_plugin.client.get(
        "/plugins/metrics-view@v1-0-0/ui/", query_string={"data": url}
    )
    assert "Metrics over the folds of a cross-validation" in page.text
    assert "plotly" not in page.text.partition("<body")[0]
    (made,) = run_plugin("metrics-view", data=url).outputs
    assert len(made.content) < 50_000 and b"accuracy" in made.content
