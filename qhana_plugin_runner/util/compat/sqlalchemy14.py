"""Habits of SQLAlchemy 1.4."""

from collections.abc import Callable
from typing import Any

import sqlalchemy
import sqlalchemy.orm
import sqlalchemy.sql
import sqlalchemy.sql.expression
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from .habits import Met, Patches, habit

_OLD = "SQLAlchemy 1.4"


def _unpacked_list(name: str) -> Callable[[Patches, Met], None]:
    def translate(patches: Patches, met: Met) -> None:
        def call(original: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
            if args and isinstance(args[0], list):
                met(f"{name}([...])")
                args = (*args[0], *args[1:])
            return original(*args, **kwargs)

        patches.wrap(sqlalchemy, name, call)
        for module in (sqlalchemy.sql, sqlalchemy.sql.expression):
            patches.attribute(module, name, vars(sqlalchemy)[name])

    return translate


habit(
    "sqlalchemy-select-list",
    _OLD,
    "select() with a list of columns",
    "write select(a, b)",
)(_unpacked_list("select"))

habit(
    "sqlalchemy-case-list",
    _OLD,
    "case() with a list of conditions",
    "write case((condition, value), ...)",
)(_unpacked_list("case"))


@habit(
    "sqlalchemy-text",
    _OLD,
    "a string executed as SQL",
    "write sqlalchemy.text(...) around it",
)
def _sqlalchemy_text(patches: Patches, met: Met) -> None:
    def execute(
        original: Callable[..., Any], self: Any, statement: Any, *args: Any, **kwargs: Any
    ) -> Any:
        if isinstance(statement, str):
            met(statement)
            statement = sqlalchemy.text(statement)
        return original(self, statement, *args, **kwargs)

    for owner in (Session, Connection):
        for name in ("execute", "scalar", "scalars"):
            patches.wrap(owner, name, execute)


@habit(
    "sqlalchemy-names",
    _OLD,
    "a name of sqlalchemy.orm that SQLAlchemy dropped",
    "write relationship and joinedload",
)
def _sqlalchemy_names(patches: Patches, met: Met) -> None:
    names = {
        "relation": sqlalchemy.orm.relationship,
        "eagerload": sqlalchemy.orm.joinedload,
    }
    patches.names(sqlalchemy.orm, names, met)
