"""Entities in memory."""

import pickle
import re
from collections import namedtuple
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import pytest

from qhana_plugin_runner.plugin_utils.entity_marshalling import (
    ArrayEntity,
    EntityError,
    EntityJsonError,
    EntityRowError,
    EntityTupleMixin,
    ResponseLike,
    array_to_entity,
    ensure_array,
    ensure_dict,
    ensure_tuple,
    entity_attribute_sort_key,
    expect_attributes,
    get_entity_tuple_class,
)


class TestTupleClass:
    def test_it_makes_named_tuples(self):
        Entity = get_entity_tuple_class(["ID", "name"], name="Person")
        entity = Entity(ID="1", name="Ada")
        assert isinstance(entity, tuple) and isinstance(entity, EntityTupleMixin)
        assert repr(entity) == "Person(ID='1', name='Ada')"
        assert entity._replace(name="Grace").name == "Grace"

    def test_names_that_are_no_identifiers_are_replaced(self):
        names = ["ID", "birth date", "class", "_x", "ID", "", "get", "as_dict"]
        Entity = get_entity_tuple_class(names)
        assert Entity._fields == ("ID", "_1", "_2", "_3", "_4", "_5", "_6", "_7")
        assert Entity.entity_attributes == tuple(names)
        entity = Entity._make(range(8))
        assert [entity.get(name) for name in names] == [0, 1, 2, 3, 0, 5, 6, 7]

    def test_get_has_a_default(self):
        entity = get_entity_tuple_class(["ID", "empty"])("1", "")
        assert entity.get("other") is None
        assert entity.get("other", "x") == "x"
        assert entity.get("empty", "x") == ""

    def test_from_iter_takes_as_many_values_as_there_are_attributes(self):
        Entity = get_entity_tuple_class(["ID", "name"])
        assert Entity.from_iter(iter("ab")) == Entity("a", "b")
        with pytest.raises(EntityError, match="takes 2 values, got 3"):
            Entity.from_iter("abc")

    def test_from_dict_takes_original_names(self):
        Entity = get_entity_tuple_class(["ID", "birth date", "cls", "self"])
        entity = Entity.from_dict(**{"self": 3, "cls": 2, "birth date": 1})
        assert entity == (None, 1, 2, 3)
        assert Entity.from_dict(ID="1", x=2) == ("1", None, None, None)

    @pytest.mark.parametrize(
        "names",
        [
            ["ID", "\u00b5", "\u03bc"],
            ["ID", "\ufb01", "fi"],
            ["ID", "\u2460", "1"],
            ["ID", "e\u0301", "\u00e9"],
            ["ID", "\uff43\uff4c\uff41\uff53\uff53", "class"],
            ["ID", "\uff47\uff45\uff54", "\uff3fx"],
        ],
    )
    def test_names_that_python_reads_as_one_are_two_attributes(self, names):
        entity = get_entity_tuple_class(names)("a", "1", "2")
        assert [entity.get(name) for name in names] == ["a", "1", "2"]
        assert entity.as_dict() == dict(zip(names, ["a", "1", "2"]))

    def test_a_name_in_source_text_finds_its_attribute(self):
        entity = get_entity_tuple_class(["ID", "\u00b5m", "\u2102"])("a", "1", "2")
        assert eval("entity.\u00b5m, entity.\u2102, entity.C") == ("1", "2", "2")
        assert entity.get("\u00b5m") == "1"

    @pytest.mark.parametrize("attribute", ["\ud83d", "a\0b", "\u2028", " "])
    def test_any_text_can_be_a_name(self, attribute):
        entity = get_entity_tuple_class(["ID", attribute])("a", "1")
        assert entity.as_dict() == {"ID": "a", attribute: "1"}


class TestEnsureDict:
    def test_every_named_kind_becomes_a_dictionary(self):
        entity = {"ID": "1"}
        Point = namedtuple("Point", "ID x")
        items = [entity, get_entity_tuple_class(["ID", "a b"])("2", 3), Point("4", 5)]
        items.append(SimpleNamespace(_asdict=lambda: {"ID": "6"}))
        dicts = list(ensure_dict(items))
        assert dicts[:3] == [{"ID": "1"}, {"ID": "2", "a b": 3}, {"ID": "4", "x": 5}]
        assert dicts[3] == {"ID": "6"}
        assert dicts[0] is entity

    @pytest.mark.parametrize("item", [5, ("1", "2"), "text", None])
    def test_what_has_no_names_is_refused(self, item):
        with pytest.raises(EntityError, match="dictionary or a named tuple"):
            list(ensure_dict([item]))


class TestEnsureTuple:
    def test_dictionaries_become_tuples(self):
        Entity = get_entity_tuple_class(["ID", "a b"])
        items = [{"a b": 2, "ID": "1", "other": 0}, Entity("3", 4), {"ID": "5"}]
        assert list(ensure_tuple(items, Entity)) == [("1", 2), ("3", 4), ("5", None)]

    def test_any_function_of_keywords_will_do(self):
        Point = namedtuple("Point", "x ID")
        assert list(ensure_tuple([{"ID": "1", "x": 2}], Point)) == [Point(2, "1")]
        Entity = get_entity_tuple_class(["ID"])
        assert list(ensure_tuple([{"ID": "1"}], Entity.from_dict)) == [Entity("1")]


class TestEnsureArray:
    def test_keys_of_a_dictionary_are_taken_in_sorted_order(self):
        items = [{"b": 2, "ID": "x", "a": 1, "href": "/x"}, {"ID": "y", "dim1": 3}]
        assert list(ensure_array(items)) == [
            ArrayEntity("x", "/x", (1, 2)),
            ArrayEntity("y", None, (3,)),
        ]

    def test_values_of_a_tuple_are_taken_by_position(self):
        WithHref = get_entity_tuple_class(["ID", "href", "b", "a"])
        Without = get_entity_tuple_class(["ID", "b", "a"])
        Named = namedtuple("Named", "ID href x")
        items = [
            WithHref("x", "/x", "2", "1"),
            Without("y", "2", "1"),
            ("z", "2", "1"),
            Named("n", "/n", 3),
        ]
        assert list(ensure_array(items)) == [
            ArrayEntity("x", "/x", (2, 1)),
            ArrayEntity("y", None, (2, 1)),
            ArrayEntity("z", None, (2, 1)),
            ArrayEntity("n", "/n", (3,)),
        ]

    @pytest.mark.parametrize(
        "value, number",
        [
            ("12", 12),
            ("007", 7),
            ("-5", -5.0),
            ("+5", 5.0),
            ("1e3", 1000.0),
            ("0.5", 0.5),
            (" 7 ", 7.0),
            ("\u00a07\u3000", 7.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("-Infinity", float("-inf")),
            ("9" * 310, 10**310 - 1),
            (10**310, 10**310),
            ("inf", float("inf")),
            (5, 5),
            (2.5, 2.5),
            (Fraction(1, 2), Fraction(1, 2)),
            (Decimal("1.5"), 1.5),
        ],
    )
    def test_numerals_become_numbers(self, value, number):
        for strict in (True, False):
            (array,) = ensure_array([{"ID": "1", "x": value}], strict=strict)
            assert array.values == (number,)
            assert type(array.values[0]) is type(number)

    @pytest.mark.parametrize(
        "value",
        ["", "x", "1,5", "²", None, [], "9" * 5000, "100_1", "1_0.5", "1e1_0"]
        + ["１２", "٣", "1\u00a0000", "0x10", "1e", "--1", "in_f", "1 2"]
        + [Decimal("sNaN")],
    )
    def test_anything_else_is_none_or_an_error(self, value):
        (array,) = ensure_array([("1", value)])
        assert array.values == (None,)
        with pytest.raises(ValueError, match="Entity '1' has the value .* not a number"):
            list(ensure_array([("1", value)], strict=True))

    def test_strict_looks_at_values_only(self):
        items = [{"ID": "1", "a": 1, "b": 2}, {"ID": "2", "b": 2}]
        arrays = ensure_array(items, strict=True)
        assert [array.values for array in arrays] == [(1, 2), (2,)]

    @pytest.mark.parametrize(
        ("text", "number"),
        [("-5", -5.0), ("-0", -0.0), (" 5", 5.0), ("007", 7), ("1e3", 1000.0)]
        + [("5.", 5.0), ("1" + 30 * "0", 10**30), ("-1" + 400 * "0", float("-inf"))]
        + [("1e400", float("inf")), ("nan", float("nan")), (7, 7), (None, None)]
        + [
            (text, None)
            for text in ("", "1,2", "true", "null", "[1", '"1"', "1_0", "\ud800")
        ],
    )
    def test_a_value_means_the_same_whatever_its_neighbors_are(self, text, number):
        for row in (
            ("e", text),
            ("e", "1.5", text),
            ("e", text, "-2.5"),
            ("e", text, "?"),
        ):
            ((_id, _href, values),) = ensure_array([row])
            assert repr(values[row.index(text) - 1]) == repr(number)

    def test_arrays_stay_arrays(self):
        array = ArrayEntity("1", "", (1, 2.0))
        assert list(ensure_array([array], strict=True)) == [array]

    @pytest.mark.parametrize("item", [{"a": 1}, (), 5, "text"])
    def test_what_has_no_id_is_refused(self, item):
        with pytest.raises(EntityError, match="ID"):
            list(ensure_array([item]))


class TestArrayToEntity:
    @pytest.mark.parametrize(
        "dimensions, first, last",
        [(1, "dim0", "dim0"), (9, "dim0", "dim8"), (10, "dim00", "dim09")]
        + [(99, "dim00", "dim98"), (100, "dim000", "dim099")],
    )
    def test_names_are_padded_to_sort_well(self, dimensions, first, last):
        array = ArrayEntity("1", "/1", tuple(range(dimensions)))
        (entity,) = array_to_entity([array])
        assert isinstance(entity, EntityTupleMixin)
        assert entity.entity_attributes[:2] == ("ID", "href")
        names = list(entity.entity_attributes[2:])
        assert names == list(entity._fields[2:])
        assert (names[0], names[-1]) == (first, last)
        assert names == sorted(names)
        assert list(ensure_array([entity])) == [array]

    def test_names_have_prefix_and_suffix(self):
        (entity,) = array_to_entity([ArrayEntity("1", "", (5,))], prefix="x", suffix="y")
        assert entity.as_dict() == {"ID": "1", "href": "", "x0y": 5}
        assert entity.x0y == 5

    def test_names_that_are_no_identifiers_are_kept(self):
        (entity,) = array_to_entity([ArrayEntity("1", None, (5,))], prefix="x ")
        assert entity.as_dict() == {"ID": "1", "href": None, "x 0": 5}

    def test_a_class_or_function_gets_one_iterable(self):
        Entity = get_entity_tuple_class(["key", "url", "x"])
        arrays = [ArrayEntity("1", "", (5,))]
        for tuple_ in (Entity, Entity._make, Entity.from_iter):
            (entity,) = array_to_entity(arrays, tuple_=tuple_)
            assert entity == ("1", "", 5) and entity.key == "1"
        (values,) = array_to_entity(arrays, tuple_=lambda row: list(row))
        assert values == ["1", "", 5]

    def test_arrays_may_have_any_number_of_dimensions(self):
        arrays = [ArrayEntity(str(n), None, (0,) * n) for n in (0, 2, 1, 2)]
        names = [e.entity_attributes[2:] for e in array_to_entity(arrays)]
        assert names == [(), ("dim0", "dim1"), ("dim0",), ("dim0", "dim1")]


def test_attributes_are_sorted_ids_first_then_links_then_the_rest():
    ordered = "GRAPH_ID ID entities href relations source target Zeta alpha beta".split()
    assert sorted(reversed(ordered), key=entity_attribute_sort_key) == ordered


def test_an_attribute_may_be_missing_in_one_entity_but_not_in_all():
    rows = [{"ID": "1", "size": 1}, {"ID": "2", "color": ""}]
    assert list(expect_attributes(rows, ["color", "size"])) == rows
    assert list(expect_attributes([], ["size"])) == []
    passed = expect_attributes(rows, ["size", "colour"])
    assert [next(passed), next(passed)] == rows
    wanted = "No entity has the attribute 'colour'. Did you mean 'color'? There are: ID, "
    with pytest.raises(EntityError, match=re.escape(wanted)):
        next(passed)


def test_a_response_like_object_has_two_methods():
    class Double:
        def json(self): ...

        def iter_lines(self): ...

    assert isinstance(Double(), ResponseLike)
    assert not isinstance(object(), ResponseLike)


def test_errors_survive_the_way_from_worker_to_web_server():
    error = pickle.loads(pickle.dumps(EntityRowError("text", row=17)))
    assert (str(error), error.row) == ("text", 17)
    assert str(EntityRowError(*error.args)) == "text"
    error = pickle.loads(pickle.dumps(EntityJsonError("text", doc='{"a', pos=2)))
    assert (str(error), error.doc, error.pos, error.colno) == ("text", '{"a', 2, 3)
    assert str(EntityJsonError(*error.args)) == "text"
