"""SQLite, set up for several processes at once."""

from helpers.runner import runner
from helpers.writers import first_look, in_processes, read_then_write
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.db import SQLITE_BUSY_TIMEOUT
from qhana_plugin_runner.db.models.tasks import ProcessingTask


def test_every_connection_is_set_up(context):
    with DB.engine.connect() as one, DB.engine.connect() as two:
        for connection in (one, two):
            for pragma, value in [
                ("journal_mode", "wal"),
                ("busy_timeout", SQLITE_BUSY_TIMEOUT),
                ("foreign_keys", 1),
                ("synchronous", 1),
            ]:
                assert connection.execute(text(f"PRAGMA {pragma}")).scalar() == value


def test_files_of_plugins_stay_as_they_are(tmp_path, context):
    engine = create_engine(f"sqlite:///{tmp_path}/own.db", poolclass=NullPool)
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "delete"


def test_a_reader_is_not_stopped_by_a_writer(context):
    task = ProcessingTask("a-task")
    task.save(commit=True)
    task.task_log = "not committed"
    DB.session.flush()
    with DB.engine.connect() as reader:
        query = text('SELECT task_log FROM "ProcessingTask"')
        assert reader.execute(query).scalar() == ""


def test_processes_that_read_and_write_at_once_all_succeed(tmp_path, context):
    written = in_processes(read_then_write, tmp_path, [40, 40, 40])
    assert DB.session.query(ProcessingTask).count() == sum(written)


def test_processes_may_be_the_first_to_open_a_database_at_once(tmp_path):
    assert in_processes(first_look, tmp_path, [1, 2, 3]) == ["wal"] * 3


def test_the_folder_of_the_database_is_made(tmp_path):
    with runner(tmp_path, SQLALCHEMY_DATABASE_URI=f"sqlite:///{tmp_path}/new/x/a.db"):
        assert (tmp_path / "new/x/a.db").is_file()
