"""The incremental JSON parser."""

import json
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qhana_plugin_runner.plugin_utils._entity_json import read_json
from qhana_plugin_runner.plugin_utils.entity_marshalling import EntitySyntaxError

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=10,
)

EVERYTHING = (
    r'[ {"a": "\ud83d\ude00\n", "b": [true, false, null], "c": {}}, -1.5e+10, NaN,'
    ' -Infinity , 123456789012345678901234567890, "ü", [[]], 0.5, 1E-2 ]\n'
)


class Slow(StringIO):
    """A file that gives only so many characters at once."""

    def __init__(self, text, step):
        super().__init__(text)
        self.step = step

    def read(self, size=-1):
        return super().read(min(size, self.step))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(json_values, max_size=6),
    st.sampled_from([None, 1, "\t"]),
    st.booleans(),
    st.integers(1, 40),
)
def test_items_are_those_of_the_json_module(items, indent, ascii_only, step):
    text = json.dumps(items, indent=indent, ensure_ascii=ascii_only)
    assert repr(list(read_json(Slow(text, step), step))) == repr(json.loads(text))


def test_it_does_not_matter_where_the_text_is_divided():
    expected = repr(json.loads(EVERYTHING))
    for step in range(1, 60):
        assert repr(list(read_json(Slow(EVERYTHING, step), step))) == expected, step


def test_a_text_cut_anywhere_is_an_error_with_its_length():
    for end in range(1, len(EVERYTHING.rstrip())):
        text = EVERYTHING[:end]
        with pytest.raises(EntitySyntaxError) as caught:
            print("No error in:", list(read_json(StringIO(text))), text)
        message = str(caught.value)
        assert f"ends after {end} characters" in message or "at character" in message


@pytest.mark.parametrize(
    "text, place",
    [
        ('[{"ID": 1}, {"ID": }]', 19),
        ('[{"ID": 1} {"ID": 2}]', 11),
        ("[1, 2] 3", 7),
        ('{"ID": 1} {"ID": 2}', 10),
        ("[1,]", 3),
        ("[01]", 2),
        ("[1.]", 2),
        ('["a\nb"]', 3),
        ("[{'ID': 1}]", 2),
    ],
)
@pytest.mark.parametrize("step", [1, 5, 1000])
def test_a_broken_text_is_an_error_with_its_place(text, place, step):
    with pytest.raises(EntitySyntaxError, match=f"Broken JSON at character {place}:"):
        list(read_json(Slow(text, step), step))


def test_the_end_of_a_text_that_is_cut_off_is_told():
    text = '[{"ID": 1}, {"ID": "some te'
    with pytest.raises(EntitySyntaxError, match="cut off: it ends after 27 characters"):
        list(read_json(StringIO(text)))


def test_an_error_far_from_the_end_is_found_without_reading_on():
    class Endless(StringIO):
        reads = 0

        def read(self, size=-1):
            self.reads += 1
            return '[{"ID" 1}, ' + "1, " * size

    text = Endless()
    with pytest.raises(EntitySyntaxError, match="at character 7"):
        next(read_json(text))
    assert text.reads == 1


def test_items_are_delivered_before_the_text_ends():
    text = Slow('[{"ID": 1}, {"ID": 2}, ' + " " * 100, 25)
    items = read_json(text, 25)
    assert [next(items), next(items)] == [{"ID": 1}, {"ID": 2}]
    assert text.tell() == 25


@pytest.mark.parametrize("text", ["[" * 100_000, "[" + "1" * 5000 + "]"])
def test_values_that_python_refuses_are_errors(text):
    with pytest.raises(EntitySyntaxError, match="Broken JSON at character 1:"):
        list(read_json(StringIO(text)))
