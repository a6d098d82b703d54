"""A strict type checker accepts plugins in the short form, and knows the types of calls."""

import re
import subprocess
import sys

from helpers.product import CHECKOUT

SOURCE = '''\
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from qhana_plugin_runner.authoring import (
    Ask, Entities, Field, File, Output, PluginType, PluginUrl, Secret, Task, plugin
)


@plugin(
    version="v1.0.0",
    type=PluginType.conversion,
    outputs={"rows": "entity/list", "text": Output("a/b", required=False)},
)
def convert(
    task: Task,
    entities: Entities,
    password: Secret,
    file: File | None = None,
    size: Annotated[int, Field(ge=1)] = 3,
    words: Sequence[str] = (),
) -> Ask | dict[str, Iterator[dict[str, object]]]:
    """Converts."""
    for row in task.track(entities, unit="rows"):
        task.log(row["ID"])
    if file is not None:
        task.save("text", file.read_text()[:size])
    return choose.ask(values={"column": "a"}, choices={"column": ["a", "b"]})


@convert.step(title="Choose")
def choose(column: str, other: PluginUrl) -> str:
    return column + other


choose("a", other="b").upper()
convert(Task(), [{"ID": "1"}], "password", size=2)
convert.schema().load({})
convert.plugin_class.name.upper()
convert.celery_task.s(db_id=1)
convert.fn(Task(), [], "")
# What follows is wrong.
choose(1, other="b")
convert(Task(), [], "password", size="2")
convert([])
'''


def test_mypy_accepts_a_plugin_and_refuses_wrong_calls(tmp_path):
    file = tmp_path / "typed_plugin.py"
    file.write_text(SOURCE)
    # With the settings of the checkout, which are strict, and its cache.
    result = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", str(file)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    found = re.findall(r"^\S+?:(\d+): error: .*\[([\w-]+)\]$", result.stdout, re.M)
    last = len(SOURCE.splitlines())
    assert found == [
        (str(last - 2), "arg-type"),
        (str(last - 1), "arg-type"),
        (str(last), "call-arg"),
        (str(last), "arg-type"),
    ], result.stdout + result.stderr
