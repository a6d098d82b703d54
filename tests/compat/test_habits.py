"""Each file in ``old_plugins`` is a plugin with the one habit that the file is named after."""

import logging
import shutil
import warnings
from pathlib import Path

import pytest

from qhana_plugin_runner.util import compat

OLD_PLUGINS = Path(__file__).parent / "old_plugins"

each_habit = pytest.mark.parametrize("habit", compat.HABITS, ids=lambda habit: habit.name)


@each_habit
def test_plugin_with_the_habit_works_and_is_told_once_what_to_write(
    habit, layer, load_plugin, told, caplog
):
    path = OLD_PLUGINS / f"{habit.name}.py"
    compat.register_plugin_root(path, "old-plugin")
    with caplog.at_level(logging.WARNING):
        load_plugin(path, "first_import")
        load_plugin(path, "second_import")

    (message,) = told()
    assert message.startswith("Plugin old-plugin ")
    assert message.endswith(f"{habit.advice}. [{habit.name}]")
    assert [message in record.getMessage() for record in caplog.records] == [True]


@each_habit
def test_second_plugin_with_the_habit_is_told_too(
    habit, layer, load_plugin, told, tmp_path
):
    for name in ("one", "two"):
        path = tmp_path / f"{name}.py"
        shutil.copy(OLD_PLUGINS / f"{habit.name}.py", path)
        load_plugin(path, f"{name}_plugin")

    assert [message.split()[1] for message in told()] == ["one_plugin", "two_plugin"]


@each_habit
def test_plugin_with_the_habit_fails_without_the_entry(habit, load_plugin, monkeypatch):
    others = [each for each in compat.HABITS if each is not habit]
    monkeypatch.setattr(compat, "HABITS", others)
    compat.install()
    with warnings.catch_warnings(), pytest.raises(Exception):
        # What another entry makes of the habit must not pass for a failure.
        warnings.simplefilter("ignore", compat.PluginCompatWarning)
        load_plugin(OLD_PLUGINS / f"{habit.name}.py", "old_plugin")


def test_every_old_plugin_belongs_to_a_habit():
    names = [habit.name for habit in compat.HABITS]
    assert sorted(path.stem for path in OLD_PLUGINS.glob("*.py")) == sorted(names)


def test_texts_of_habits_fit_into_the_warning():
    for habit in compat.HABITS:
        assert habit.library and habit.serves and habit.advice
        assert not habit.serves.endswith(".") and not habit.advice.endswith(".")
