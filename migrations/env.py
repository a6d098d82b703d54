"""Run migrations on the database of the current app (``flask db ...``)."""

from alembic import context
from flask import current_app
from sqlalchemy import inspect

from qhana_plugin_runner.db import DB

ORIGINAL = "ff55b6ebbbd7"
"""The revision of databases that were made without migrations by the original runner."""


def recognise_unversioned(connection):
    """Stamp a database that has the tables but no version, as ``create-db`` used to leave it.

    Raises:
        RuntimeError: the tables are not those of the revision.
    """
    inspector = inspect(connection)
    if not inspector.has_table("ProcessingTask") or inspector.has_table("alembic_version"):
        return
    known = {table.name for table in DB.metadata.sorted_tables}
    if missing := known - set(inspector.get_table_names()):
        raise RuntimeError(
            f"the database has no version and lacks the tables {', '.join(sorted(missing))}: "
            "it was made by an older runner; upgrade it with that runner first"
        )
    context.get_context().stamp(context.script, ORIGINAL)


def drop_empty(_context, _revision, directives):
    """Write no migration when nothing has changed."""
    if getattr(context.config.cmd_opts, "autogenerate", False) and directives[0].upgrade_ops.is_empty():
        directives[:] = []
        print("Nothing has changed: no migration was written.")


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
    with DB.engine.connect() as connection:
        context.configure(connection=connection, **options)
        recognise_unversioned(connection)
        if connection.dialect.name == "sqlite":
            # Batch mode replaces whole tables, which rows of other tables refer to.
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        connection.commit()  # or alembic would leave the end of its transactions to us
        with context.begin_transaction():
            context.run_migrations()


run()
