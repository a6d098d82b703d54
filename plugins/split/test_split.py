"""Tests of the plugin split."""

import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from qhana_plugin_runner.authoring import Task
from qhana_plugin_runner.testing.running import TaskFailed

from . import split


@pytest.mark.parametrize("share", [0.25, 0.1, 0.5])
@pytest.mark.parametrize("stratify", ["", "species", "sex"])
def test_the_counts_are_those_of_scikit_learn(penguins, run_plugin, url, share, stratify):
    task = run_plugin("split", entities=url, test_share=share, stratify=stratify, seed=3)
    train, test = task.outputs["train"].to_pandas(), task.outputs["test"].to_pandas()
    classes = penguins[stratify].fillna("") if stratify else None
    wanted = train_test_split(penguins, test_size=share, stratify=classes)
    assert [len(train), len(test)] == [len(each) for each in wanted]
    if stratify:
        counts = test[stratify].fillna("").value_counts()
        others = wanted[1][stratify].fillna("").value_counts()
        assert (
            counts.sub(others, fill_value=0).abs().max() <= 1
        )  # ties are broken at random
    whole = pd.concat([train, test]).sort_values(
        "ID", key=lambda ids: ids.str[8:].astype(int)
    )
    pd.testing.assert_frame_equal(
        whole.reset_index(drop=True), penguins, check_dtype=False
    )
    assert list(test["ID"]) == [
        each for each in penguins["ID"] if each in set(test["ID"])
    ]


def parts(rows, **options):
    returned = split(Task(), rows, **options)
    return [[row["ID"] for row in returned[name]] for name in ("train", "test")]


def test_the_seed_decides():
    rows = [{"ID": number} for number in range(100)]
    assert parts(rows, seed=1) == parts(rows, seed=1) != parts(rows, seed=2)


def test_each_entity_is_as_likely_as_the_others():
    rows = [{"ID": number} for number in range(8)]
    drawn = [each for seed in range(2000) for each in parts(rows, seed=seed)[1]]
    counts = [drawn.count(number) for number in range(8)]
    # The chance of a larger value is one in a thousand.
    assert sum((each - 500) ** 2 / 500 for each in counts) < 24.3


def test_slips(run_plugin, url, fake_data_server):
    with pytest.raises(TaskFailed, match="No entity has the attribute 'kind'"):
        run_plugin("split", entities=url, stratify="kind")
    one = fake_data_server.put("ID\n1\n", "one.csv")
    with pytest.raises(TaskFailed, match="1 of 1 entities would be to test with: choose"):
        run_plugin("split", entities=one)
    rows = [{"ID": number} for number in range(10_001)]
    with pytest.raises(
        ValueError, match="'ID' has more than 10000 values: choose an attr"
    ):
        split(Task(), rows, stratify="ID")
