"""Keeps the entities that fulfill a condition, and the attributes that are wanted."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from qhana_plugin_runner.authoring import Entities, Field, Output, Task, plugin
from qhana_plugin_runner.plugin_utils.entity_marshalling import expect_attributes

from .conditions import MAX_LENGTH, read_condition

EXAMPLES = ['species == "Adelie"', "bill_length_mm > 40 and year in [2007, 2008]"]


@plugin(
    version="v1.0.0",
    tags=["shaping"],
    outputs={"selected": Output("entity/list", "text/csv")},
)
def entity_select(
    task: Task,
    entities: Annotated[Entities, Field(data_type="entity/*")],
    condition: Annotated[
        str,
        Field(
            check=read_condition, max_length=MAX_LENGTH, metadata={"datalist": EXAMPLES}
        ),
    ] = "",
    attributes: Annotated[Sequence[str], Field(attributes_of="entities")] = (),
    complete: bool = False,
):
    """Keeps the entities that match a condition, and the attributes that you name.

    With the condition `size > 2 and kind != "b"` and the attribute `size`,

    | ID | kind | size |
    | --- | --- | --- |
    | 1 | a | 2 |
    | 2 | a | 3 |
    | 3 | b | 4 |

    becomes

    | ID | size |
    | --- | --- |
    | 2 | 3 |

    Conditions are written as in Python:

    * Compare with `==`, `!=`, `<`, `<=`, `>`, `>=`; combine with `and`, `or`, `not`, and
      parentheses; compute with `+`, `-`, `*`, `/`, `%`.
    * `island in ["Dream", "Biscoe"]` matches one of several values, `"ea" in island` a part of a
      text.
    * Write `row["bill length"]` for names that are not a single word.
    * A number compares as a number, a text in quotes as text, and a date such as
      `"2007-11-30"` as a date. Two attributes compare as numbers or dates if both are.
    * A missing value is equal to `""` and matches no other comparison except `!=`. The same applies
      to a value that is not a number where a number is expected; the log counts these values.

    Args:
        entities: The entities to select from.
        condition: Which entities to keep; by default, all.
        attributes: Which attributes to keep, in this order; by default, all. `ID` and `href` are
            always kept.
        complete: Leave out entities in which one of the attributes to keep has no value.
    """
    wanted = read_condition(condition) if condition.strip() else None
    names = {*attributes, *(wanted.attributes if wanted else ())}

    def selected() -> Iterator[dict[str, Any]]:
        seen = kept = 0
        for row in task.track(expect_attributes(entities, names), unit="entities"):
            seen += 1
            if wanted is not None and not wanted(row):
                continue
            if attributes:
                row = _picked(row, attributes)
            if complete and any(map(_is_missing, map(row.get, attributes or row))):
                continue
            kept += 1
            yield row
        for text in wanted.remarks() if wanted else ():
            task.log(text)
        task.log(f"Kept {kept} of {seen} entities.")

    return selected()


def _is_missing(value: Any) -> bool:
    return value is None or value == "" or value != value


def _picked(row: dict[str, Any], attributes: Sequence[str]) -> dict[str, Any]:
    keys = [name for name in ("ID", "href") if name in row]
    return {name: row.get(name) for name in (*keys, *attributes)}
