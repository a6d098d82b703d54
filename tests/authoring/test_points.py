"""Entities as points."""

import csv
import tracemalloc

import numpy
import pytest
from helpers.product import CHECKOUT
from palmerpenguins import load_penguins
from sklearn.datasets import load_iris

from qhana_plugin_runner.authoring import to_labels, to_points
from qhana_plugin_runner.plugin_utils.entity_marshalling import EntityError

MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]


def test_values_are_those_of_the_table():
    iris = load_iris(as_frame=True)
    frame = iris.data.assign(species=iris.target_names[iris.target])
    frame.insert(0, "ID", [f"iris {number}" for number in range(len(frame))])
    rows = frame.to_dict("records")
    texts = [{name: str(each) for name, each in row.items()} for row in rows]
    for entities in (rows, texts, iter(rows)):
        points = to_points(entities)
        assert points.ids == list(frame["ID"])
        assert points.attributes == list(iris.data.columns)
        assert points.values.dtype == numpy.float64
        assert (points.values == iris.data.to_numpy()).all()
    chosen = to_points(texts, ["petal width (cm)", "sepal length (cm)"])
    assert chosen.attributes == ["petal width (cm)", "sepal length (cm)"]
    assert (chosen.values == iris.data.to_numpy()[:, [3, 0]]).all()


def test_points_become_entities():
    rows = [{"ID": "a", "href": "", "x": 1.0, "y": 2.5}, {"ID": "b", "x": "3", "y": 4}]
    made = list(to_points(rows).to_entities())
    assert made == [rows[0], {"ID": "b", "href": "", "x": 3.0, "y": 4.0}]
    assert all(type(each) is float for row in made for each in (row["x"], row["y"]))


def test_the_penguins_as_they_come():
    with (CHECKOUT / "examples" / "penguins.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with pytest.raises(EntityError) as error:
        to_points(rows)
    assert str(error.value) == (
        "The entity 'penguin-004' has no value for 'bill_length_mm': select the entities that "
        "have one, or leave the attribute out."
    )
    assert to_points(rows, ["year"]).values.shape == (344, 1)
    complete = [row for row in rows if "NA" not in row.values()]
    points = to_points(complete)
    assert points.attributes == [*MEASURES, "year"]
    expected = load_penguins().dropna()[points.attributes].to_numpy()
    assert (points.values == expected).all()


@pytest.mark.parametrize(
    "rows, attributes, message",
    [
        ([], [], "There are no entities."),
        ([], ["x"], "There are no entities."),
        ([{"ID": "a", "x": 1}], ["y"], "no attribute 'y'; the entities have 'x'"),
        ([{"ID": "a"}], ["y"], "no attribute 'y'; the entities have no attributes"),
        ([{"x": 1}], [], "Entity 1 has no ID"),
        ([{"ID": "a", "x": "red"}], [], r"only numbers \('x'\): encode"),
        ([{"ID": "a", "x": ""}], [], r"only numbers \('x'\): encode"),
        ([{"ID": "a", "x": "red"}], ["x"], "'x' of the entity 'a' is 'red'.*encode"),
        ([{"ID": "a", "x": True}], ["x"], "'x' of the entity 'a' is 'True'"),
        ([{"ID": "a", "x": "1_0"}], ["x"], "'x' of the entity 'a' is '1_0'"),
        ([{"ID": "a", "x": "inf"}], ["x"], "'x' of the entity 'a' is 'inf'"),
        ([{"ID": "a", "x": "\uff11"}], ["x"], "'x' of the entity 'a' is '\uff11'"),
        ([{"ID": "a", "x": 10**400}], ["x"], "'x' of the entity 'a' is '1000"),
        (
            [{"ID": "a", "x": 1e200}],
            ["x"],
            r"'a' is '1e\+200', which is no number \(below",
        ),
        ([{"ID": "a", "x": "-3e150"}], ["x"], "'a' is '-3e150', which is no number"),
        ([{"ID": "a", "x": [1]}], ["x"], r"'x' of the entity 'a' is '\[1\]'"),
        ([{"ID": "a", "x": 1}, {"ID": "b"}], [], "'b' has no value for 'x': select"),
        ([{"ID": "a"}, {"ID": "b", "x": 1}], [], "'a' has no value for 'x': select"),
        ([{"ID": "a", "x": 1}, {"ID": "b", "x": " NA"}], [], "'b' has no value for 'x'"),
        ([{"ID": "a", "x": 1}, {"ID": "b"}], ["x"], "'b' has no value for 'x'"),
        ([{"ID": "a", "x": float("nan")}], ["x"], "'a' has no value for 'x'"),
    ],
)
def test_what_is_no_number_is_named(rows, attributes, message):
    with pytest.raises(EntityError, match=message):
        to_points(rows, attributes)


def test_words_beside_numbers_are_left_out_unless_they_are_asked_for():
    rows = [{"ID": 1, "x": "3", "y": 1}, {"ID": 2, "x": "three", "y": "-2.5e1"}]
    points = to_points(rows)
    assert points.ids == ["1", "2"]
    assert points.attributes == ["y"]
    assert points.values.tolist() == [[1], [-25]]
    with pytest.raises(EntityError, match="'x' of the entity '2' is 'three'"):
        to_points(rows, ["y", "x"])


def test_an_entity_takes_little_more_than_its_numbers():
    names = [f"x{number}" for number in range(10)]
    rows = ({"ID": str(n), **dict.fromkeys(names, "0.5")} for n in range(10_000))
    tracemalloc.start()
    try:
        points = to_points(rows)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert points.values.shape == (10_000, 10)
    assert peak < 4 * points.values.nbytes  # twice for a moment, and the IDs


def test_a_label_that_is_a_number_may_be_left_out():
    rows = [{"ID": "a", "x": 1, "label": 0}, {"ID": "b", "x": 2, "label": 1}]
    assert to_points(rows).attributes == ["x", "label"]
    assert to_points(rows, without=["label"]).attributes == ["x"]
    with pytest.raises(EntityError, match="No attribute .* has only numbers"):
        to_points(rows, without=["label", "x"])


def test_labels_go_by_the_id():
    rows = [{"ID": "a", "kind": 0}, {"ID": 2, "kind": True}, {"ID": "c", "kind": "NA"}]
    assert to_labels(iter(rows), ["2", "a"], "kind") == ["True", "0"]
    assert to_labels(rows, ["a", "a"], "kind") == [0, 0]
    with pytest.raises(EntityError, match="two entities 'a', with different values for"):
        to_labels([*rows, {"ID": "a", "kind": 1}], ["2"], "kind")
    for ids, attribute in ((["a", "c"], "kind"), (["d"], "kind")):
        expected = (
            f"The entity '{ids[-1]}' has no value for '{attribute}', its label: name"
        )
        with pytest.raises(EntityError, match=expected):
            to_labels(rows, ids, attribute)
    with pytest.raises(EntityError, match="attribute 'kinds'. Did you mean 'kind'"):
        to_labels(rows, ["a"], "kinds")


def test_a_label_is_nothing_to_learn_from():
    rows = [{"ID": "a", "x": 1, "kind": 0}]
    with pytest.raises(EntityError, match="'kind' is the label: leave it out"):
        to_points(rows, ["x", "kind"], without=["kind"])
    assert to_points(rows, ["x"], without=["kind"]).attributes == ["x"]


@pytest.mark.parametrize("gap", [None, "", "NA", float("nan")])
def test_an_entity_without_a_label_does_not_hide_that_of_another_row(gap):
    rows = [
        {"ID": "a", "label": gap},
        {"ID": "a", "label": "x"},
        {"ID": "a", "label": gap},
    ]
    assert to_labels(rows, ["a"]) == ["x"]
    with pytest.raises(EntityError, match="'a' has no value for 'label'"):
        to_labels(rows[:1] * 2, ["a"])


@pytest.mark.parametrize("large", [2**63, -(2**63) - 1, 10**30])
def test_labels_that_no_array_holds_are_texts(large):
    rows = [{"ID": "a", "label": large}, {"ID": "b", "label": 1}]
    assert to_labels(rows, ["a", "b"]) == [str(large), "1"]
    assert to_labels([{"ID": "a", "label": 2**63 - 1}], ["a"]) == [2**63 - 1]
