"""Whatever is wrong with the declaration of a plugin is said when it is imported, with the cure."""

from collections.abc import Sequence
from datetime import date, datetime, timezone
from enum import Enum
from typing import Annotated, Any, Literal

import pytest

from qhana_plugin_runner.authoring import (
    DeclarationError,
    Entities,
    Field,
    File,
    Output,
    Secret,
    Task,
    plugin,
)


class Color(Enum):
    RED = "#f00"


def takes(annotation, *default):
    """Return a function with a parameter of a type, and with a default if one is given."""

    def function(x): ...

    function.__annotations__ = {"x": annotation}
    function.__defaults__ = default or None
    return function


def untyped(x): ...


def many(*x: int): ...


def keywords(**x: int): ...


def nameless(x: int, /): ...


def alike(x_y: int, xY: int): ...  # noqa: N803


@pytest.mark.parametrize(
    "function, cure",
    [
        (untyped, "has no annotation: add its type"),
        (many, "name each parameter"),
        (keywords, "name each parameter"),
        (nameless, "remove the `/`"),
        (
            takes(
                Annotated[datetime, Field(ge=datetime(2020, 1, 1, tzinfo=timezone.utc))]
            ),
            "which cannot be compared with its values: write a datetime without a time zone",
        ),
        (takes(Annotated[date, Field(lt=datetime(2020, 1, 1))]), "write a date"),
        (takes(Annotated[int, Field(ge="1")]), "has the limit ge='1'"),
        (
            takes(Annotated[list[File], Field(data_type="entity/list")]),
            "write list[Annotated[File, Field(...)]]",
        ),
        (takes(Literal[None]), "has a Literal that is neither"),
        (takes(dict), "has the type dict, which forms do not support: use int, "),
        (takes(Any), "which forms do not support"),
        (takes("Missing"), "outside of `if TYPE_CHECKING:`"),
        (takes(int | str), "has a union of types"),
        (takes(list[list[int]]), "use a list of plain values"),
        (takes(list[int | None]), "use a list of plain values"),
        (takes(Literal["a", 1]), "one of these kinds, or an Enum"),
        (takes(list[int], []), "write `x: Sequence[TYPE] = (...)`"),
        (takes(int, None), "add `| None` to its type"),
        (
            takes(int, "three"),
            "has the default 'three', which is not valid: It does not have the type",
        ),
        (takes(int, True), "It does not have the type"),
        (takes(float, "1"), "It does not have the type"),
        (takes(Color, "RED"), "It does not have the type"),
        (takes(date, "2026-01-01"), "It does not have the type"),
        (takes(Literal["a"], "b"), "which is not valid: Must be"),
        (
            takes(Annotated[int, Field(ge=1)], 0),
            "has the default 0, which is not valid: Must",
        ),
        (
            takes(Annotated[Sequence[int], Field(min_length=1)], ()),
            "which is not valid: Shorter",
        ),
        (takes(int, Field(ge=1)), "write `x: Annotated[TYPE, Field(...)] = DEFAULT`"),
        (takes(Annotated[int, Field]), "write `Field()`"),
        (takes(Annotated[int, Field(), Field()]), "keep one"),
        (takes(Annotated[int, Field(ge=1, gt=1)]), "has both ge and gt"),
        (takes(Annotated[int, Field(ge=2, le=1)]), "which no value meets"),
        (takes(Annotated[File, Field(content_types="text/csv")]), "write ['text/csv']"),
        (takes(Secret, "password"), "which everyone could read"),
        (takes(list[Secret]), "use a list of plain values"),
        (takes(Annotated[str, Field(ge=1)]), "(ge), which only numbers and dates have"),
        (takes(Annotated[int, Field(max_length=1)]), "only strings and lists have"),
        (takes(Annotated[int, Field(pattern="a")]), "which only strings have"),
        (takes(Annotated[str, Field(pattern="(")]), "is not a regular expression"),
        (takes(Annotated[str, Field(check=int)], "a"), "which is not valid: invalid"),
        (
            takes(Annotated[str, Field(data_type="a/b")]),
            "which only File and Entities have",
        ),
    ],
)
def test_a_parameter_is_named_with_the_cure(function, cure):
    with pytest.raises(DeclarationError) as error:
        plugin(version="v1")(function)
    assert cure in str(error.value)
    assert str(error.value).startswith(f"{function.__name__}: the parameter 'x")


def test_parameters_of_one_name_in_the_form_are_refused():
    with pytest.raises(DeclarationError, match="'xY' .* like 'x_y': rename one"):
        plugin(version="v1")(alike)


@pytest.mark.parametrize(
    "outputs, cure",
    [
        ({"": "a/b"}, "has no name"),
        ({"x": ""}, "has no data type"),
        ({"x": 1}, "is neither a data type nor an Output"),
        ({"x": Output("a/b", "csv")}, "write a mime type"),
        ({"x": "a/b", "X": "a/b"}, "a file of the same name as 'x'"),
        ({"a b": "a/b", "a_b": "a/b"}, "rename one of them"),
    ],
)
def test_an_output_is_named_with_the_cure(outputs, cure):
    with pytest.raises(DeclarationError) as error:
        plugin(version="v1", outputs=outputs)(takes(int))
    assert "function: the output" in str(error.value)
    assert cure in str(error.value)


@pytest.mark.parametrize("keyword", ["tags", "requirements"])
def test_a_text_is_no_list_of_texts(keyword):
    with pytest.raises(
        DeclarationError, match=rf"`{keyword}` is a string: write \['a>=1'\]"
    ):
        plugin(version="v1", **{keyword: "a>=1"})(takes(int))


def test_a_decorator_without_parentheses_or_version_is_told_what_is_missing():
    for decorate in (lambda: plugin(takes(int)), lambda: plugin(tags=["a"])):
        with pytest.raises(
            DeclarationError, match=r'write `@plugin\(version="v1.0.0"\)`'
        ):
            decorate()


def test_functions_that_do_nothing_when_they_are_called_are_refused():
    def rows():
        yield 1

    async def later(): ...

    for function in (rows, later):
        with pytest.raises(DeclarationError, match="does nothing when called"):
            plugin(version="v1")(function)
    with pytest.raises(DeclarationError, match="is not a function"):
        plugin(version="v1")(Color)


def test_the_error_is_told_where_plugins_are_listed(author):
    author.serve("""
        from qhana_plugin_runner.authoring import plugin

        @plugin(version="v1.0.0")
        def broken(x: dict) -> None: ...
        """)
    (failure,) = author.app.extensions["qhana_plugins"].failures
    assert "broken: the parameter 'x' has the type dict" in failure.error
    assert any("written.py" in frame and "line 4" in frame for frame in failure.frames)


def test_a_task_is_no_field():
    def function(task: Task, entities: Entities): ...

    with_task = plugin(version="v1")(function)
    assert list(with_task.schema().fields) == ["entities"]
