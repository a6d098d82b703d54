"""Statements that write to the database past the objects of the session."""

from typing import Any

from sqlalchemy import CursorResult
from sqlalchemy.sql.dml import UpdateBase

from .db import DB


def execute(statement: UpdateBase, parameters: Any = None) -> CursorResult[Any]:
    """Run an INSERT, UPDATE or DELETE in the session's transaction.

    Objects that the session has loaded keep what they have.
    """
    options = {"synchronize_session": False}
    result: Any = DB.session.execute(statement, parameters, execution_options=options)
    return result  # type: ignore[no-any-return]
