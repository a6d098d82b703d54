"""The pauses between two checks of a result."""

from qhana_plugin_runner.plugin_utils.interop import FIRST_DELAY, MAX_DELAY
from qhana_plugin_runner.util.backoff import backoff


def test_pauses_double_up_to_the_longest():
    checks = (1, 2, 3, 7, 21, 100_000)
    pauses = [backoff(number, FIRST_DELAY, MAX_DELAY) for number in checks]
    assert pauses == [1.0, 2.0, 4.0, 60.0, 60.0, 60.0]
