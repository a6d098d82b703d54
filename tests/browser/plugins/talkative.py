"""A plugin that prints, waits for a file, and prints again."""

import time
from pathlib import Path

from qhana_plugin_runner.authoring import plugin


@plugin(version="v1")
def talkative(gate: str) -> None:
    """Prints, and waits for a file.

    Args:
        gate: The path of the file.
    """
    print("the first line")
    while not Path(gate).exists():
        time.sleep(0.01)
    print("the last line")
