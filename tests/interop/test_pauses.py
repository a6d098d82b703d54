"""How long pauses between two looks at a result are."""

from qhana_plugin_runner.plugin_utils import interop


def test_pauses_grow_up_to_the_longest_and_stay_there():
    pauses = [interop._pause(looks) for looks in (0, 1, 2, 20, 21, 100_000)]
    assert pauses == [1.0, 1.5, 2.25, 60.0, 60.0, 60.0]
