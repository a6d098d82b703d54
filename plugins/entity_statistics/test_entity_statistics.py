"""The statistics agree with those of pandas."""

import palmerpenguins
import pytest


def test_each_column_is_described_as_by_pandas(run_plugin, fake_data_server):
    penguins = palmerpenguins.load_penguins()
    penguins.insert(0, "ID", [f"p{number}" for number in range(len(penguins))])
    url = fake_data_server.put(penguins.to_csv(index=False), "penguins.csv")
    task = run_plugin("entity-statistics", entitiesUrl=url)
    found = {row["ID"]: row for row in task.outputs["penguins-statistics.json"].json()}
    assert list(found) == list(penguins.columns)
    for name, column in penguins.items():
        of_column = found[name]
        assert of_column["count"] == column.count()
        assert of_column["missing"] == column.isna().sum()
        assert of_column["distinct"] == column.nunique()
        if column.dtype.kind in "if":
            assert of_column["min"] == column.min()
            assert of_column["max"] == column.max()
            assert of_column["mean"] == pytest.approx(column.mean())
            assert of_column["standardDeviation"] == pytest.approx(column.std())
