"""Tests of the plugin scale."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from qhana_plugin_runner.authoring import Task
from qhana_plugin_runner.testing.running import TaskFailed

from . import scale

NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "year"]


@pytest.mark.parametrize(
    "inputs, scaler",
    [
        ({}, StandardScaler()),
        ({"method": "min-max"}, MinMaxScaler()),
        (
            {"method": "min-max", "low": -np.pi, "high": np.pi},
            MinMaxScaler((-np.pi, np.pi)),
        ),
    ],
)
def test_the_numbers_are_those_of_scikit_learn(penguins, run_plugin, url, inputs, scaler):
    task = run_plugin("scale", entities=url, **inputs)
    scaled = task.outputs["scaled"].to_pandas()
    wanted = scaler.fit_transform(penguins[NUMBERS])
    np.testing.assert_allclose(scaled[NUMBERS], wanted, atol=1e-12)
    others = ["ID", "species", "island", "sex"]
    pd.testing.assert_frame_equal(scaled[others], penguins[others], check_dtype=False)
    assert (
        "Not scaled: 'Adelie', the 'species' of entity 'penguin 0', is no number"
        in task.log
    )


def test_test_data_get_the_scale_of_training_data(penguins, run_plugin, fake_data_server):
    train, test = penguins[:300], penguins[300:]
    urls = [
        fake_data_server.put(each.to_csv(index=False), "p.csv") for each in (train, test)
    ]
    task = run_plugin("scale", entities=urls[0], attributes=NUMBERS[:2])
    scales = fake_data_server.put(task.outputs["scales"].text, "scales.json")
    task = run_plugin("scale", entities=urls[1], scales=scales)
    scaler = StandardScaler().fit(train[NUMBERS[:2]])
    scaled = task.outputs["scaled"].to_pandas()
    np.testing.assert_allclose(scaled[NUMBERS[:2]], scaler.transform(test[NUMBERS[:2]]))
    assert list(scaled["year"]) == list(test["year"])


def test_vectors_have_numbers_only(penguins, run_plugin, fake_data_server):
    whole = penguins.dropna()
    url = fake_data_server.put(whole.to_csv(index=False), "penguins.csv")
    task = run_plugin("scale", entities=url, attributes=NUMBERS[:3], only_numbers=True)
    vectors, _scales = task.outputs
    assert (vectors.data_type, vectors.content_type) == (
        "entity/vector",
        "application/json",
    )
    rows = vectors.json()
    assert list(rows[0]) == ["ID", "href", *NUMBERS[:3]] and rows[0]["href"] is None
    wanted = StandardScaler().fit_transform(whole[NUMBERS[:3]])
    np.testing.assert_allclose([list(row.values())[2:] for row in rows], wanted)


def scaled(rows, attributes=(), **options):
    task = Task()
    returned = scale(task, rows, attributes, **options)
    return list(returned.get("scaled") or returned["vectors"])


def test_values_that_are_all_the_same_or_missing():
    rows = [{"ID": "a", "x": "0.1", "y": "", "z": "NA"}, {"ID": "b", "x": 0.1, "z": 3}]
    assert scaled([*map(dict, rows)]) == [
        {"ID": "a", "x": 0, "y": "", "z": "NA"},
        {"ID": "b", "x": 0, "z": 0},
    ]
    low = scaled([*map(dict, rows)], method="min-max", low=2, high=3)
    assert [row["x"] for row in low] == [2, 2]
    with pytest.raises(ValueError, match="'x' of entity 'b' is missing: leave out such"):
        scaled([{"ID": "a", "x": 1}, {"ID": "b"}], only_numbers=True)


@pytest.mark.parametrize("value", ["big", "1_000", "inf", True, [1], 10**400])
def test_what_is_no_number_is_named(value):
    rows = [{"ID": "a", "x": 1}, {"ID": "b", "x": value}]
    with pytest.raises(
        ValueError, match="the 'x' of entity 'b', is no number: leave the"
    ):
        scaled([*map(dict, rows)], ["x"])
    assert scaled([*map(dict, rows)]) == rows  # the attribute is left as it is


def test_large_and_close_numbers_keep_their_digits():
    values = np.random.default_rng(7).normal(1e9, 1e-3, 5000)
    rows = scaled([{"ID": n, "x": value} for n, value in enumerate(values)])
    wanted = (values - values.mean()) / values.std()
    np.testing.assert_allclose([row["x"] for row in rows], wanted, atol=2e-4)


@pytest.mark.parametrize("numbers", [["1e200", "2"], ["1.7e308", "1.7e308"]])
@pytest.mark.parametrize("method", ["standard", "min-max"])
def test_numbers_that_are_too_large(run_plugin, fake_data_server, numbers, method):
    rows = ["ID,x,y", *(f"{n},{x},{n}" for n, x in enumerate(numbers))]
    url = fake_data_server.put("\n".join(rows), "large.csv")
    message = f"'{numbers[0]}', the 'x' of entity '0', is too large a number to scale"
    task = run_plugin("scale", entities=url, method=method)
    assert f"Not scaled: {message}" in task.log
    assert "Scaled attributes: y." in task.log
    with pytest.raises(TaskFailed, match=message):
        run_plugin("scale", entities=url, method=method, attributes=["x"])


def test_a_number_that_is_too_large_among_others(run_plugin, fake_data_server):
    rows = ["ID,x", *(f"{n},1e150" for n in range(1000)), "last,-1e160"]
    url = fake_data_server.put("\n".join(rows), "large.csv")
    with pytest.raises(TaskFailed, match="'-1e160', the 'x' of entity 'last'"):
        run_plugin("scale", entities=url, attributes=["x"])


def test_slips(run_plugin, url):
    with pytest.raises(
        TaskFailed, match="The smallest value, 1, has to be below the larg"
    ):
        run_plugin("scale", entities=url, method="min-max", low=1)
    with pytest.raises(TaskFailed, match="The file of scales is not the output `scales`"):
        run_plugin("scale", entities=url, scales=url)
    with pytest.raises(TaskFailed, match="No entity has the attribute 'mass'"):
        run_plugin("scale", entities=url, attributes=["mass"])
    with pytest.raises(TaskFailed, match="'Adelie', the 'species' of entity 'penguin 0'"):
        run_plugin("scale", entities=url, attributes=["species"])
