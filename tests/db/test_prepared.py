"""Statements that are compiled once and run past SQLAlchemy."""

import pytest
from helpers.runner import runner
from sqlalchemy import literal, select, text
from sqlalchemy.exc import OperationalError

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.models.virtual_plugins import VirtualPlugin
from qhana_plugin_runner.db.prepared import Prepared

ALL = Prepared(lambda _dialect: select(VirtualPlugin.__table__))


def test_errors_are_those_of_sqlalchemy(tmp_path):
    with runner(tmp_path, tables=False) as app, app.app_context():
        with pytest.raises(OperationalError, match="no such table"):
            ALL.all()


def test_what_the_session_has_not_committed_is_seen(tmp_path):
    names = ("parent_id", "name", "version", "tags", "description", "href")
    with runner(tmp_path) as app, app.app_context():
        assert ALL.all() == []
        DB.session.add(VirtualPlugin(**dict.fromkeys(names, "x")))
        DB.session.flush()
        assert [row.href for row in ALL.all()] == ["x"]
        DB.session.rollback()
        assert ALL.all() == []


def test_after_an_error_others_are_read(tmp_path):
    with runner(tmp_path) as app, app.app_context():
        number = Prepared(lambda _dialect: select(literal(7).label("number")))
        assert [row.number for row in number.all()] == [7]
        with DB.engine.begin() as connection:
            connection.execute(text('DROP TABLE "VirtualPlugin"'))
        with pytest.raises(OperationalError):
            ALL.all()
        assert [row.number for row in number.all()] == [7]
