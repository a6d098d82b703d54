"""Tests of the plugin encode."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from qhana_plugin_runner.authoring import Task
from qhana_plugin_runner.plugin_utils.attributes import parse_attribute_metadata
from qhana_plugin_runner.testing.running import TaskFailed

from . import encode

WORDS = ["species", "island", "sex"]


def test_one_hot_as_scikit_learn_does(penguins, run_plugin, url):
    task = run_plugin("encode", entities=url, attributes=WORDS)
    encoded = task.outputs["encoded"].to_pandas()
    kinds = [sorted(penguins[name].dropna().unique()) for name in WORDS]
    encoder = OneHotEncoder(
        categories=kinds, handle_unknown="ignore", sparse_output=False
    )
    names = encoder.fit(penguins[WORDS].dropna()).get_feature_names_out()
    np.testing.assert_array_equal(encoded[names], encoder.transform(penguins[WORDS]))
    assert [name for name in encoded if name in names] == list(names)
    others = [name for name in penguins if name not in WORDS]
    pd.testing.assert_frame_equal(encoded[others], penguins[others])
    described = parse_attribute_metadata(task.outputs["attributes"].entities())
    assert list(described) == list(names)
    assert described["sex_male"].attribute_type == "integer"
    assert described["sex_male"].title == "sex is male"


def test_ordinal_as_scikit_learn_does(penguins, run_plugin, url):
    order = ["Gentoo", "Adelie", "Torgersen"]
    task = run_plugin(
        "encode", entities=url, attributes=WORDS, method="ordinal", order=order
    )
    kinds = [
        ["Gentoo", "Adelie", "Chinstrap"],
        ["Torgersen", "Biscoe", "Dream"],
        ["female", "male"],
    ]
    wanted = OrdinalEncoder(categories=kinds).fit(penguins[WORDS].dropna())
    whole = penguins.dropna(subset=WORDS)
    encoded = task.outputs["encoded"].to_pandas()
    np.testing.assert_array_equal(
        encoded.loc[whole.index, WORDS], wanted.transform(whole[WORDS])
    )
    assert encoded["sex"].isna().equals(penguins["sex"].isna())
    described = task.outputs["attributes"].json()
    assert described[0]["description"] == "0: Gentoo, 1: Adelie, 2: Chinstrap"


@pytest.mark.parametrize("method", ["one-hot", "ordinal"])
def test_test_data_are_encoded_like_training_data(run_plugin, fake_data_server, method):
    train = fake_data_server.put("ID,size,hue\n1,10,red\n2,9,blue\n", "train.csv")
    test = fake_data_server.put("ID,size,hue\n3,9,green\n4,10,\n", "test.csv")
    task = run_plugin("encode", entities=train, attributes=["size", "hue"], method=method)
    codes = fake_data_server.put(task.outputs["attributes"].text, "codes.json")
    task = run_plugin("encode", entities=test, codes=codes)
    rows = task.outputs["encoded"].entities()
    assert (
        rows
        == {
            "one-hot": [
                {
                    "ID": "3",
                    "size_9": "1",
                    "size_10": "0",
                    "hue_blue": "0",
                    "hue_red": "0",
                },
                {
                    "ID": "4",
                    "size_9": "0",
                    "size_10": "1",
                    "hue_blue": "0",
                    "hue_red": "0",
                },
            ],
            "ordinal": [
                {"ID": "3", "size": "0", "hue": ""},
                {"ID": "4", "size": "1", "hue": ""},
            ],
        }[method]
    )
    assert (
        "1 values of hue are not among the codes and count as missing, such as 'green' of entity '3'."
        in task.log
    )


def test_values_of_json():
    rows = [{"ID": 1, "x": True, "y": 2.5}, {"ID": 2, "x": None}, {"ID": 3, "x": False}]
    encoded = list(encode(Task(), rows, ["x"])["encoded"])
    assert encoded == [
        {"ID": 1, "x_False": 0, "x_True": 1, "y": 2.5},
        {"ID": 2, "x_False": 0, "x_True": 0},
        {"ID": 3, "x_False": 1, "x_True": 0},
    ]


def test_slips(run_plugin, url, fake_data_server):
    with pytest.raises(
        TaskFailed, match="'ID' has more than 100 values, such as 'penguin 1"
    ):
        run_plugin("encode", entities=url, attributes=["ID"])
    with pytest.raises(
        TaskFailed, match="No entity has the attribute 'specie'. Did you mean"
    ):
        run_plugin("encode", entities=url, attributes=["specie"])
    with pytest.raises(
        TaskFailed, match="Name the attributes to encode, or choose codes"
    ):
        run_plugin("encode", entities=url)
    with pytest.raises(
        TaskFailed, match="The file of codes is not the output `attributes`"
    ):
        run_plugin("encode", entities=url, codes=url)
    twice = fake_data_server.put("ID,a,a_1\n1,1,2\n", "twice.csv")
    with pytest.raises(
        TaskFailed, match="Two attributes would have the same name: rename one of"
    ):
        run_plugin("encode", entities=twice, attributes=["a"])
