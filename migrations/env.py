"""Run migrations on the database of the current app (``flask db ...``)."""

from contextlib import contextmanager

from alembic import context
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from flask import current_app
from sqlalchemy import create_engine, event, inspect
from sqlalchemy.pool import NullPool

from qhana_plugin_runner.db import DB
from qhana_plugin_runner.db.connection import connection_errors

ORIGINAL = "ff55b6ebbbd7"
"""The revision of databases that were made without migrations by the original runner."""

LOCK = int.from_bytes(b"qhana", "big")
"""The number of the lock on PostgreSQL."""


def columns_of(connection):
    """Return table and column of all columns."""
    inspector = inspect(connection)
    return {
        (table, column["name"])
        for table in inspector.get_table_names()
        for column in inspector.get_columns(table)
    }


def columns_of_original():
    """Return the columns that the first migration creates, by running it in memory."""
    with create_engine("sqlite://", poolclass=NullPool).connect() as memory:
        with Operations.context(MigrationContext.configure(memory)):
            context.script.get_revision(ORIGINAL).module.upgrade()
        return columns_of(memory)


def recognise_unversioned(connection):
    """Stamp a database that has the tables but no version, as ``create-db`` used to leave it.

    Raises:
        RuntimeError: the tables are not those of the revision.
    """
    if context.get_context().get_current_heads():
        return
    if not inspect(connection).has_table("ProcessingTask"):
        return
    if missing := columns_of_original() - columns_of(connection):
        names = ", ".join(sorted(f"{table}.{column}" for table, column in missing))
        raise RuntimeError(
            f"the database has no version and lacks the columns {names}: "
            "it was made by an older runner; upgrade it with that runner first"
        )
    context.get_context().stamp(context.script, ORIGINAL)


def drop_empty(_context, _revision, directives):
    """Write no migration when nothing has changed."""
    is_generated = getattr(context.config.cmd_opts, "autogenerate", False)
    if is_generated and directives[0].upgrade_ops.is_empty():
        directives[:] = []
        print("Nothing has changed: no migration was written.")


def begin_immediate(connection):
    """Begin a transaction, which Python would not do for DDL, and wait for other writers."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def one_at_a_time(connection):
    """Wait for other processes that upgrade the same database; SQLite waits by itself."""
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.exec_driver_sql(f"SELECT pg_advisory_lock({LOCK})")
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.exec_driver_sql(f"SELECT pg_advisory_unlock({LOCK})")
        connection.commit()


def run():
    options = {
        **current_app.extensions["migrate"].configure_args,
        "target_metadata": DB.metadata,
        "render_as_batch": True,  # SQLite cannot alter most of a table in place
        "compare_type": True,
        "process_revision_directives": drop_empty,
    }
    if context.is_offline_mode():
        context.configure(url=DB.engine.url, literal_binds=True, **options)
        with context.begin_transaction():
            context.run_migrations()
        return
    with connection_errors(DB.engine.url):
        connection = DB.engine.connect()
    with connection, one_at_a_time(connection):
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite:
            options["transactional_ddl"] = True
        context.configure(connection=connection, **options)
        recognise_unversioned(connection)
        # Or alembic would leave the end of its transactions to us.
        connection.commit()
        try:
            if is_sqlite:
                # Batch mode replaces whole tables, which rows of other tables refer to.
                connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
                connection.commit()
                # All or nothing, also when the process is killed, and one process at a time.
                event.listen(connection, "begin", begin_immediate)
            with context.begin_transaction():
                context.run_migrations()
        finally:
            if is_sqlite:
                connection.rollback()
                event.remove(connection, "begin", begin_immediate)
                # The connection returns to the pool, for others to use.
                connection.exec_driver_sql("PRAGMA foreign_keys=ON")


run()
