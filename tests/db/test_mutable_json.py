"""Changes inside of JSON columns reach the database, however deep they are."""

import copy
import json

import pytest
from helpers.databases import on_each_database
from sqlalchemy import Column, Integer, Table, text

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import REGISTRY
from qhana_plugin_runner.db.models.mutable_json import MutableJSON
from qhana_plugin_runner.db.models.tasks import ProcessingTask
from qhana_plugin_runner.db.models.virtual_plugins import PluginState

pytestmark = pytest.mark.usefixtures("context")


def stored():
    DB.session.commit()
    query = text('SELECT CAST(data AS TEXT) FROM "ProcessingTask"')
    value = DB.session.execute(query).scalar_one()
    return None if value is None else json.loads(value)


def loaded_anew(task):
    task_id = task.id
    DB.session.expunge_all()
    return ProcessingTask.get_by_id(task_id)


@pytest.fixture
def task(app):
    task = ProcessingTask(
        "a-task", data={"list": [3, [1], {"deep": {}}], "dict": {"a": 1}}
    )
    task.save(commit=True)
    return task


DICT_CHANGES = {
    "set": lambda d: d.__setitem__("new", {"x": [1]}),
    "delete": lambda d: d.__delitem__("a"),
    "update": lambda d: d.update({"b": 2}, c=[3]),
    "in-place or": lambda d: d.__ior__({"b": [2]}),
    "pop": lambda d: d.pop("a"),
    "pop with default": lambda d: d.pop("none", None),
    "popitem": lambda d: d.popitem(),
    "setdefault": lambda d: d.setdefault("list", []).append(1),
    "setdefault of a known key": lambda d: d.setdefault("a", 5),
    "clear": lambda d: d.clear(),
}
LIST_CHANGES = {
    "set": lambda v: v.__setitem__(0, {"x": [1]}),
    "slice": lambda v: v.__setitem__(slice(0, 2), [[9], 8, 7]),
    "delete": lambda v: v.__delitem__(0),
    "delete slice": lambda v: v.__delitem__(slice(1, None)),
    "append": lambda v: v.append({"y": 1}),
    "extend": lambda v: v.extend([[1], 2]),
    "insert": lambda v: v.insert(1, "x"),
    "pop": lambda v: v.pop(),
    "remove": lambda v: v.remove(3),
    "clear": lambda v: v.clear(),
    "sort": lambda v: v.sort(key=str, reverse=True),
    "reverse": lambda v: v.reverse(),
    "in-place add": lambda v: v.__iadd__([1, {"z": 1}]),
    "in-place multiply": lambda v: v.__imul__(2),
}


@pytest.mark.parametrize("change", DICT_CHANGES.values(), ids=DICT_CHANGES)
@pytest.mark.parametrize("reload", [False, True], ids=["assigned", "loaded"])
def test_a_change_of_a_nested_dict_is_saved(task, change, reload):
    if reload:
        task = loaded_anew(task)
    expected = copy.deepcopy(task.data)
    assert type(expected) is dict
    change(expected["dict"])
    change(task.data["dict"])
    assert stored() == expected == task.data


@pytest.mark.parametrize("change", LIST_CHANGES.values(), ids=LIST_CHANGES)
@pytest.mark.parametrize("reload", [False, True], ids=["assigned", "loaded"])
def test_a_change_of_a_nested_list_is_saved(task, change, reload):
    if reload:
        task = loaded_anew(task)
    expected = copy.deepcopy(task.data)
    change(expected["list"])
    change(task.data["list"])
    assert stored() == expected == task.data


def test_values_put_in_by_a_change_are_tracked_as_well(task):
    task.data["dict"]["new"] = {"list": []}
    task.data["list"].append([])
    DB.session.commit()
    task.data["dict"]["new"]["list"].append(1)
    task.data["list"][-1].append(2)
    assert stored()["dict"]["new"] == {"list": [1]}
    task.data["list"][-1].append(3)
    assert stored()["list"][-1] == [2, 3]


@on_each_database
@pytest.mark.parametrize("value", [None, True, 0, 1.5, "text", "", [], {}, [[{}]]])
def test_any_json_value_can_be_assigned_and_replaced(task, value):
    task.data = value
    assert stored() == value
    assert task.data == value
    task.data = {"back": []}
    task.data["back"].append(1)
    assert stored() == {"back": [1]}


@on_each_database
def test_tracking_goes_on_after_commit_refresh_and_rollback(task):
    task.data["dict"]["a"] = 2
    assert stored()["dict"] == {"a": 2}
    DB.session.refresh(task)
    task.data["dict"]["a"] = 3
    assert stored()["dict"] == {"a": 3}
    task.data["dict"]["a"] = 4
    DB.session.rollback()
    assert task.data["dict"] == {"a": 3}
    task.data["dict"]["a"] = 5
    assert stored()["dict"] == {"a": 5}


def test_looking_does_not_change(task):
    task.data["dict"].get("a")
    list(task.data["list"])
    json.dumps(task.data)
    assert task not in DB.session.dirty


def test_a_value_that_was_replaced_no_longer_changes_the_row(task):
    old = task.data
    task.data = {"new": 1}
    DB.session.commit()
    old["dict"]["a"] = 7
    assert task not in DB.session.dirty


@on_each_database
def test_what_one_process_adds_to_the_log_another_does_not_undo_with_its_data(task):
    task.data["dict"]["a"] = 2
    with DB.engine.connect() as other:
        other.execute(text("UPDATE \"ProcessingTask\" SET task_log = 'from the worker'"))
        other.commit()
    assert stored()["dict"] == {"a": 2}
    assert task.task_log == "from the worker"


@on_each_database
def test_numbers_that_json_does_not_have_are_stored_as_null(task):
    task.data = {"score": float("nan"), "steps": [1, float("-inf")]}
    assert stored() == {"score": None, "steps": [1, None]}


@on_each_database
def test_plugin_state_is_tracked_too():
    PluginState.set_value("plugin", "key", {"nested": [1]}, commit=True)
    item = PluginState.get_item("plugin", "key")
    item.value["nested"].append(2)
    DB.session.commit()
    DB.session.expunge_all()
    assert PluginState.get_value("plugin", "key") == {"nested": [1, 2]}


@pytest.fixture
def notes(app):
    """Two models of a plugin with a column of the type, declared in both ways."""

    class Note(DB.Model):
        id = Column(Integer, primary_key=True)
        value = Column(MutableJSON, default=dict)

    @REGISTRY.mapped
    class Remark:
        __table__ = Table("remark", DB.metadata, Column("id", Integer, primary_key=True))
        __table__.append_column(Column("value", MutableJSON()))

    models = (Note, Remark)
    DB.metadata.create_all(DB.engine, tables=[model.__table__ for model in models])
    yield models
    for model in models:
        DB.session.rollback()
        model.__table__.drop(DB.engine)
        DB.metadata.remove(model.__table__)
        REGISTRY._dispose_cls(model)


@on_each_database
def test_columns_of_plugins_are_tracked_too(notes):
    for model in notes:
        row = model()
        row.id, row.value = 1, {"nested": [1]}
        DB.session.add(row)
        DB.session.commit()
        row.value["nested"].append({"deep": 2})
        DB.session.commit()
        DB.session.expunge_all()
        assert DB.session.get(model, 1).value == {"nested": [1, {"deep": 2}]}


@on_each_database
def test_a_value_that_was_changed_in_place_can_be_set_again():
    PluginState.set_value("plugin", "key", {"nested": [1]}, commit=True)
    value = PluginState.get_value("plugin", "key")
    value["nested"].append(2)
    PluginState.set_value("plugin", "key", value, commit=True)
    DB.session.expunge_all()
    assert PluginState.get_value("plugin", "key") == {"nested": [1, 2]}
