"""The bars, compared with those of NumPy and pandas."""

import json
from html import unescape

import numpy as np
import pytest

from qhana_plugin_runner.authoring import Task

from . import binned, histogram

RANDOM = np.random.default_rng(3)


def figure(*rows, **options):
    """Return the only trace, the layout, and the notes."""
    drawn = histogram(Task(), list(rows), **options)
    shown = json.loads(drawn.to_json())
    return shown["data"][0], shown["layout"], drawn.notes


def test_what_is_missing_is_counted_and_what_is_no_number_beside_it():
    numbers = [{"ID": f"{n}", "x": f"{n}"} for n in range(1_000)]
    rest = [{"ID": "a", "x": ""}, {"ID": "b"}, {"ID": "c", "x": "a word"}]
    trace, _layout, notes = figure(*numbers, *rest, attribute="x")
    assert sum(trace["y"]) == 1_000
    assert notes == ["2 values are missing.", "1 values are no numbers, and left out."]


def test_missing_words_are_counted():
    rows = [{"ID": "1", "x": "a"}, {"ID": "2", "x": ""}, {"ID": "3", "x": None}]
    trace, _layout, notes = figure(*rows)
    assert (trace["x"], trace["y"], notes) == (["a"], [1], ["2 values are missing."])


@pytest.mark.parametrize("bins", [1, 7, 200])
def test_numbers_are_binned_as_numpy_does(bins):
    numbers = RANDOM.normal(10, 3, 500).round(2).tolist()
    edges, counts = binned(numbers, bins)
    expected, expected_edges = np.histogram(numbers, bins)
    assert np.allclose(edges, expected_edges)
    # rounding may put a number that lies on an edge into the next bin
    assert np.abs(np.cumsum(counts) - np.cumsum(expected)).max() <= 2
    assert sum(counts) == 500


def test_the_number_of_bins_is_about_that_of_numpy():
    for numbers in (RANDOM.normal(0, 1, 900), RANDOM.uniform(0, 1, 50)):
        found = len(binned(numbers.tolist(), None)[1])
        assert abs(found - len(np.histogram_bin_edges(numbers, "auto")) + 1) <= 1
    assert binned([1.0, 2.0, 2.0, 3.0] * 5, None) == ([0.5, 1.5, 2.5, 3.5], [5, 10, 5])
    assert binned([4.0], None) == ([3.5, 4.5], [1])


@pytest.mark.parametrize("bins", [None, 7])
@pytest.mark.parametrize(
    "numbers", [[1.7e18] * 3, [-1e17], [1.7e308] * 2, [5e-324, 0.0], [0.1] * 5]
)
def test_numbers_that_are_one_are_in_one_bin(numbers, bins):
    edges, counts = binned(numbers, bins)
    assert len(counts) == (bins or 1) and sorted(counts)[-1] == len(numbers)
    assert all(low < high for low, high in zip(edges, edges[1:]))


def test_numbers_too_far_apart_for_bins_are_refused():
    with pytest.raises(ValueError, match="too far"):
        binned([1e308, 0.0, -1e308], None)


@pytest.mark.parametrize("step", [0.1, 1, 0.25])
def test_bins_of_rounded_numbers_hold_as_many_values_each(step):
    values = np.arange(200) * step + 3
    numbers = np.repeat(values, 25).round(6).tolist()
    edges, counts = binned(numbers, None)
    assert len(set(counts[:-1])) == 1 and 5 < len(counts) <= 200
    assert sum(counts) == 5000
    assert np.histogram(numbers, edges)[0].tolist() == counts


def test_the_worked_example():
    rows = [
        {"ID": "a", "size": "1.0"},
        {"ID": "b", "size": "1.2"},
        {"ID": "c", "size": "3.0"},
    ]
    trace, _layout, _notes = figure(*rows, bins=2)
    assert trace["y"] == [2, 1]
    assert trace["customdata"] == ["1 to 2", "2 to 3"]


def test_categories_are_counted_and_rare_ones_left_out():
    rows = [{"ID": str(i), "kind": f"k{min(i, 80) % 70}"} for i in range(200)]
    trace, _layout, notes = figure(*rows)
    assert trace["x"][0] == "k10" and trace["y"][0] == 121
    assert len(trace["x"]) == 50
    assert notes == ["The 50 most frequent values; 20 more values are not drawn."]


def test_counts_of_circuit_executors_keep_their_bit_strings():
    trace, layout, notes = figure({"ID": "c", "href": "", "11": 500, "00": 524})
    assert (trace["x"], trace["y"]) == (["00", "11"], [524, 500])
    assert layout["xaxis"]["type"] == "category"
    assert notes == ["1,024 in all."]


def test_what_is_wrong_is_said():
    with pytest.raises(ValueError, match="no entities"):
        histogram(Task(), [])
    with pytest.raises(ValueError, match="attribute 'b'; there are: a"):
        histogram(Task(), [{"ID": "1", "a": 2}], attribute="b")
    with pytest.raises(ValueError, match="no attributes"):
        histogram(Task(), [{"ID": "1", "href": ""}, {"ID": "2", "href": ""}])


def test_the_page_draws_and_a_task_makes_a_file(run_plugin, fake_data_server):
    url = fake_data_server.put("ID,size\na,1\nb,2\nc,two\n", "sizes.csv")
    form = "/plugins/histogram@v1-0-0/ui/"
    page = run_plugin.client.get(form, query_string={"data-url": url})
    assert "qhana-figure" in page.text
    assert '<option value="size">' in page.text
    task = run_plugin("histogram", data=url)
    (made,) = task.outputs
    assert (made.data_type, made.content_type) == ("image/html", "text/html")
    text = made.content.decode()
    assert "https://" not in text.split("plotly.js v")[0] and "plotly.js v" in text
    assert "how often" in unescape(text).casefold()
