"""The data of the examples are what they are said to be."""

import csv
import io
import sys
from collections import Counter
from datetime import datetime

import pandas
import pytest
from helpers.product import CHECKOUT
from palmerpenguins import load_penguins
from sklearn.datasets import make_moons

EXAMPLES = CHECKOUT / "examples"


@pytest.fixture
def rivers(monkeypatch):
    """The script that makes the file of rivers, as a module."""
    monkeypatch.syspath_prepend(EXAMPLES)
    import make_rivers

    yield make_rivers
    del sys.modules["make_rivers"]


def test_the_penguins_are_those_of_the_package():
    ours = pandas.read_csv(EXAMPLES / "penguins.csv").drop(columns="ID")
    pandas.testing.assert_frame_equal(ours, load_penguins(), check_dtype=False)


def test_the_moons_are_those_of_scikit_learn():
    ours = pandas.read_csv(EXAMPLES / "moons.csv")
    points, classes = make_moons(200, shuffle=False, noise=0.15, random_state=7)
    assert abs(ours[["x", "y"]].to_numpy() - points).max() < 0.0001
    assert list(ours["moon"] == "lower") == [each == 1 for each in classes]


def test_no_file_is_large():
    sizes = {path.name: path.stat().st_size for path in EXAMPLES.iterdir()}
    assert {name: size for name, size in sizes.items() if size > 1_000_000} == {}


def read(path):
    """Read the file of rivers by the rules that its description names."""
    text = path.read_bytes().decode("cp1252")
    _header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    for row in rows:
        if row:
            cells = (row + [""] * 10)[:10]
            yield [
                None if c in ("", "k. A.", "n. b.", "fehlt", "---") else c for c in cells
            ]


def number(text):
    return None if text is None else float(text.replace(",", "."))


def test_the_file_of_rivers_says_what_was_measured(rivers, tmp_path):
    rivers.write(tmp_path / "rivers.csv", 3000)
    for row, truth in zip(
        read(tmp_path / "rivers.csv"), rivers.measurements(3000), strict=True
    ):
        assert row[:3] == [truth["id"], truth["station"], truth["river"]]
        assert datetime.strptime(row[3], "%d.%m.%Y").date() == truth["date"]
        numbers = ("water", "air", "ph", "oxygen", "quality")
        assert [number(cell) for cell in row[4:9]] == [truth[name] for name in numbers]
        assert row[9] == truth["remark"]


def test_the_file_of_rivers_is_messy(rivers, tmp_path):
    rivers.write(tmp_path / "rivers.csv", 5000)
    content = (tmp_path / "rivers.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        content.decode("utf-8")
    text = content.decode("cp1252")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
    assert Counter(rows[0])["Temperatur"] == 2
    assert {len(row) for row in rows} >= {0, 9, 10, 12}
    assert any("\n" in cell for row in rows for cell in row)
    assert any('"' in cell for row in rows for cell in row)
