"""Entity files need the same memory however long they are."""

import tracemalloc
from itertools import repeat
from zipfile import ZipFile

import pytest

from qhana_plugin_runner.plugin_utils.entity_marshalling import (
    load_entities,
    save_entities,
)
from qhana_plugin_runner.plugin_utils.zip_utils import get_files_from_zip_url
from qhana_plugin_runner.requests import open_url

ENTITY = {"ID": "an entity", "text": "some text that is long enough to count" * 3}
SHORT, LONG = 20_000, 80_000


def peak(function, *args):
    """The most memory (bytes) that a call needs at once."""
    tracemalloc.start()
    try:
        function(*args)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def save(count, path, mimetype):
    with open(path, "w", encoding="utf-8", newline="") as file:
        save_entities(repeat(ENTITY, count), file, mimetype, attributes=list(ENTITY))


def load(count, path, mimetype):
    with open_url(path.as_uri(), stream=True) as response:
        assert sum(1 for _ in load_entities(response, mimetype)) == count


@pytest.mark.parametrize(
    "mimetype", ["text/csv", "application/X-lines+json", "application/json"]
)
def test_four_times_the_entities_do_not_need_more_memory(tmp_path, mimetype):
    path = tmp_path / "entities"
    peaks = {}
    for count in (SHORT, LONG):
        saving = peak(save, count, path, mimetype)
        peaks[count] = saving, peak(load, count, path, mimetype)
    for short, long in zip(peaks[SHORT], peaks[LONG]):
        assert long < 1.5 * short
        assert long < path.stat().st_size / 4


def test_an_archive_is_not_held_in_memory(tmp_path):
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a", bytes(20_000_000))

    def read():
        for file, _name in get_files_from_zip_url((tmp_path / "a.zip").as_uri(), "b"):
            while file.read(100_000):
                pass

    assert peak(read) < 2_000_000
