"""Splits entities at random into those to train with and those to test with."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from random import Random
from typing import Annotated, Any

from qhana_plugin_runner.authoring import Entities, Field, Output, Task, plugin
from qhana_plugin_runner.plugin_utils.entity_marshalling import expect_attributes

Row = dict[str, Any]

MAX_GROUPS = 10_000


@plugin(
    version="v1.0.0",
    tags=["shaping", "preprocessing"],
    outputs={
        "train": Output("entity/list", "text/csv"),
        "test": Output("entity/list", "text/csv"),
    },
)
def split(
    task: Task,
    entities: Annotated[Entities, Field(data_type="entity/*")],
    test_share: Annotated[float, Field(gt=0, lt=1, metadata={"step": "any"})] = 0.25,
    stratify: Annotated[str, Field(attributes_of="entities")] = "",
    seed: int = 0,
):
    """Splits entities randomly into a training set and a test set.

    With half of the entities in the test set, stratified by the attribute `kind`, one `a` and
    one `b` of

    | ID | kind |
    | --- | --- |
    | 1 | a |
    | 2 | a |
    | 3 | b |
    | 4 | b |

    are in each set. Both sets keep the order of the file. The file is read three times and not
    kept in memory.

    Args:
        entities: The entities to split.
        test_share: The share of the entities in the test set.
        stratify: The attribute whose values have the same shares in both sets, such as the class to
            learn.
        seed: The same seed gives the same sets.
    """
    groups: Counter[str] = Counter()
    for row in task.track(
        expect_attributes(entities, [stratify] if stratify else []), unit="entities"
    ):
        groups[_group(row, stratify)] += 1
        if len(groups) > MAX_GROUPS:
            raise ValueError(
                f"{stratify!r:.99} has more than {MAX_GROUPS} values: choose an attribute with few."
            )
    quotas = _quotas(groups, test_share)
    total, count = sum(groups.values()), sum(quotas.values())
    if not 0 < count < total:
        raise ValueError(
            f"{count} of {total} entities would be to test with: choose another share, so that "
            "both sets have some."
        )
    task.log(f"{total - count} entities to train with, {count} to test with.")

    def part(is_test: bool) -> Iterator[Row]:
        rows = task.track(entities, total=total, unit="entities")
        chosen = _choices(rows, groups, quotas, stratify, Random(seed))
        return (row for row, is_chosen in chosen if is_chosen is is_test)

    return {"train": part(False), "test": part(True)}


def _group(row: Row, stratify: str) -> str:
    return str(row.get(stratify, "")) if stratify else ""


def _quotas(groups: Counter[str], share: float) -> dict[str, int]:
    """Return how many of each group are chosen, by the method of the largest remainder."""
    exact = {name: share * count for name, count in groups.items()}
    quotas = {name: math.floor(each) for name, each in exact.items()}
    rest = math.ceil(share * sum(groups.values())) - sum(quotas.values())
    for name in sorted(exact, key=lambda name: quotas[name] - exact[name])[:rest]:
        quotas[name] += 1
    return quotas


def _choices(
    rows: Iterable[Row],
    groups: Counter[str],
    quotas: dict[str, int],
    stratify: str,
    random: Random,
) -> Iterator[tuple[Row, bool]]:
    """Tell for each entity whether it is chosen; no more than the counts is kept.

    Knuth, The Art of Computer Programming, volume 2, section 3.4.2, algorithm S.
    """
    left, wanted = groups.copy(), quotas.copy()
    for row in rows:
        group = _group(row, stratify)
        is_chosen = random.random() * left[group] < wanted[group]
        left[group] -= 1
        wanted[group] -= is_chosen
        yield row, is_chosen
