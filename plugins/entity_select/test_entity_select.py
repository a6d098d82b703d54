"""Tests of the plugin entity-select."""

import io
from datetime import datetime

import pandas as pd
import pytest

from qhana_plugin_runner.authoring import Task, TaskCancelled
from qhana_plugin_runner.testing.running import InputRefused, TaskFailed

from . import entity_select
from .conditions import ConditionError, read_condition


@pytest.mark.parametrize(
    "condition, in_pandas",
    [
        ("bill_length_mm > 45.5", None),
        ('species == "Adelie" and not island == "Dream"', None),
        ('species in ["Gentoo", "Chinstrap"] or body_mass_g <= 3000', None),
        ('bill_length_mm > bill_depth_mm * 3 and sex != "male"', None),
        ("40 < bill_length_mm <= 41", None),
        ("body_mass_g / 1000 - -1 >= 6 and year % 2 == 0", None),
        ("sex is None", "sex.isna()"),
        ('sex != ""', "sex.notna()"),
        ('"hin" in species', 'species.str.contains("hin")'),
        ("year == 2009", None),
        ('year == "2009"', "year == 2009"),
        ("bill_length_mm != 39.1", None),  # pandas lets missing values through, too
    ],
)
def test_the_rows_are_those_of_pandas(penguins, run_plugin, url, condition, in_pandas):
    task = run_plugin("entity-select", entities=url, condition=condition)
    rows = pd.read_csv(io.StringIO(task.outputs["selected"].text))
    wanted = penguins.query(in_pandas or condition)
    assert 0 < len(wanted) < len(penguins)
    pd.testing.assert_frame_equal(rows, wanted.reset_index(drop=True), check_dtype=False)
    assert f"Kept {len(wanted)} of 344 entities." in task.log


def test_columns_in_their_order(run_plugin, url):
    task = run_plugin("entity-select", entities=url, attributes=["year", "species"])
    rows = task.outputs["selected"].entities()
    assert len(rows) == 344
    assert rows[0] == {"ID": "penguin 0", "year": "2007", "species": "Adelie"}


def select(rows, condition="", attributes=()):
    """Return the IDs of what is kept, and the log."""
    task = Task()
    return [row["ID"] for row in entity_select(task, rows, condition, attributes)], [
        *task.lines
    ]


ROWS = [
    {"ID": "a", "row": "1", "bill length": "9", "day": "2024-01-31", "ok": "True"},
    {"ID": "b", "row": "n/a", "bill length": "10", "day": "2024-01-31T10:00", "ok": "no"},
    {"ID": "c", "row": "", "bill length": "10", "day": "soon", "ok": ""},
    {"ID": "d", "bill length": 10.0, "day": "2024-02-01T00:30:00+01:00", "ok": False},
]


@pytest.mark.parametrize(
    "condition, kept",
    [
        ('row["bill length"] > 9', "bcd"),
        ('row["bill length"] == 10', "bcd"),
        ('day <= "2024-01-31"', "a"),
        ('day < "2024-02-01"', "abd"),
        ('day != "2024-01-31"', "bcd"),
        ('day == "soon"', "c"),
        ("row < 2", "a"),
        ("row >= 0 or not row >= 0", "abcd"),
        ("row == None", "cd"),
        ("ok", "a"),
        ("not ok", "bcd"),
        ("ok == False", "bd"),
        ('row["bill length"] > row["row"]', "a"),  # "n/a" and 10 compare as texts
        ("row / 0 == 1", ""),
        ("(\n  ID == 'a'\n  or ID == 'b'\n)", "ab"),
        ("ID not in ('a', 'b')", "cd"),
    ],
)
def test_values_of_files(condition, kept):
    assert "".join(select(ROWS, condition)[0]) == kept


def test_what_is_no_number_is_told():
    assert (
        "1 values of row are no numbers and count as missing, such as 'n/a' of entity 'b'."
        in (select(ROWS, "row > 0")[1])
    )
    assert (
        "1 values of day are no dates and count as missing, such as 'soon' of entity 'c'."
        in (select(ROWS, 'day > "2024-01-01"')[1])
    )


def test_a_sparse_file_becomes_a_whole_table(run_plugin, fake_data_server):
    url = fake_data_server.put('{"ID": 1}\n{"ID": 2, "x": [1]}\n', "sparse.jsonl")
    task = run_plugin("entity-select", entities=url, attributes=["x"])
    assert task.outputs["selected"].text == '"ID","x"\r\n"1",""\r\n"2","[1]"\r\n'


def test_an_attribute_that_no_entity_has(run_plugin, url):
    with pytest.raises(
        TaskFailed, match="No entity has the attribute 'spezies'. Did you "
    ):
        run_plugin("entity-select", entities=url, condition='spezies == "Adelie"')
    with pytest.raises(TaskFailed, match="'specie'. Did you mean 'species'?"):
        run_plugin("entity-select", entities=url, attributes=["specie"])


@pytest.mark.parametrize("names", [["sex", "year"], ["species"], []])
def test_only_complete_entities(penguins, run_plugin, url, names):
    task = run_plugin("entity-select", entities=url, attributes=names, complete=True)
    rows = pd.read_csv(io.StringIO(task.outputs["selected"].text))
    wanted = penguins[["ID", *names]].dropna() if names else penguins.dropna()
    pd.testing.assert_frame_equal(rows, wanted.reset_index(drop=True), check_dtype=False)


def test_a_value_that_is_neither_true_nor_false():
    with pytest.raises(
        ConditionError, match="'1815', the 'born' of entity 'ada', is neither"
    ):
        select([{"ID": "ada", "born": "1815"}], "born")


@pytest.mark.parametrize(
    "condition, message",
    [
        (
            'species = "Adelie"',
            r"at character 1 \(species = \"Adelie\"\): .*write == for",
        ),
        ("1 + 1", r"at character 1 \(1 \+ 1\): this is neither true nor false"),
        ("size >", "at the end: invalid syntax"),
        ("mean radius > 15", r"at character 1 .*and row\[\"bill length\"\] for names"),
        ("a > 3 and sex = f", r"\(= f\): invalid syntax; write == for equal"),
        ("'mean radius' > 15", r"is none; for an attribute write row\[\"mean radius\"\]"),
        ("größe > 3 and breite", None),
        ("größe > 3 and breite.cm > 2", r"at character 15 .*write row\[\"breite.cm\"\]"),
        ("a >\n b()", r"at character 6 \(b\(\)\): there are no functions here"),
        ("size > 'big' and size > 3", None),
        ("size > 3 > 'big'", r"at character 12 .*compared with numbers, and is none"),
        ("size is 3", r"at character 9 \(3\): `is` is for None"),
        ("size == [3]", "a list stands behind `in`"),
        ("size ** 2 > 3", r"compute with \+ - \* / % only"),
        ("size > 1j", "neither a number nor a text"),
        ('size > b"1"', "neither a number nor a text"),
        ("size > ...", "neither a number nor a text"),
        ("row[size] > 1", "compare attributes"),
        ("row['a':'b'] > 1", "compare attributes"),
        ("other['a'] > 1", "compare attributes"),
        ("~size > 1", "this is no number"),
        (
            "size, größe",
            r"at character 1 \(size, größe\): this is neither true nor false",
        ),
        ("# größe", r"at character 1 \(# größe\): this is neither true nor false"),
        ("size > 1\x00", "null bytes|too deep"),
    ],
)
def test_conditions_that_make_no_sense(condition, message):
    if message is None:
        read_condition(condition)
        return
    with pytest.raises(ConditionError, match=message):
        read_condition(condition)


def test_the_form_says_what_is_wrong(run_plugin, url):
    with pytest.raises(InputRefused) as refused:
        run_plugin("entity-select", entities=url, condition="year = 2007")
    assert "at character 1 (year = 2007)" in refused.value.errors["condition"][0]


@pytest.mark.parametrize(
    "attack",
    [
        "__import__('os').system('true')",
        "().__class__.__base__.__subclasses__()",
        "row.__class__ == 1",
        "row['x'].__class__ == 1",
        "[each for each in row] == 1",
        "(lambda: 1)() == 1",
        "(x := 1) == 1",
        "f'{row}' == 'x'",
        "'{0.__class__}'.format(ID) == 'x'",
        "'%s' % ID == 'x' if ID else 1",
        "exec('1') or eval('1')",
        "9 ** 9 ** 9 ** 9 > ID",
        "ID << 999999999 > 1",
        "(" * 300 + "ID" + ")" * 300 + " == 1",
        "not " * 400 + "ID",
        "ID + " * 400 + "1 > 0",
        "-" * 1900 + "1 > ID",
        "ID == 1 or " * 400 + "ID == 1",
        "ID == " + "9" * 5000,
        "yield ID",
        "await ID",
        "*ID == 1",
        "ID == 1\n)\nimport os\n(",
        "\ud800 == 1",
    ],
)
def test_attacks(attack):
    with pytest.raises(ConditionError):
        read_condition(attack)


@pytest.mark.parametrize("value", ["9" * 5000, 10**400, float("inf"), "1e999", [[1]], {}])
def test_values_without_measure(value):
    condition = (
        'x * x * 3 % 7 > 1 or x == 1 or x in [1, "a"] or "a" in x or x < "2024-01-31"'
    )
    assert select([{"ID": "a", "x": value}], condition)[0] == []


def test_long_texts_multiply_nothing():
    rows = [{"ID": "a", "x": "a" * 1000}]
    assert select(rows, "x * 1000000000 == 1")[0] == []


def test_dates_with_and_without_a_zone():
    condition = read_condition('day == "2024-01-31 23:30"')
    assert condition({"day": datetime(2024, 1, 31, 23, 30).isoformat()})
    assert condition({"day": "2024-02-01T00:30+01:00"})


def test_a_canceled_task_stops(penguins):
    task = Task()
    rows = entity_select(task, penguins.to_dict("records"))
    next(rows)
    task.cancelled = True
    with pytest.raises(TaskCancelled):
        next(rows)
