"""Whether the database has the current schema: the upgrade, which takes seconds, is left out then.

So it is when a newer version has upgraded the database already, as happens while the hosts of a
deployment are upgraded one after the other.

The launcher itself reads SQLite files. For other databases it runs this module, which imports
their drivers, in a process of its own.
"""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from ..util.revisions import heads, known_revisions
from .errors import UsageError

_QUERY = "SELECT version_num FROM alembic_version"

_UPGRADE_NEEDED = 3
"""Exit status of this module as a program."""


def is_current(uri: str, instance: Path, environment: Mapping[str, str]) -> bool:
    """Return whether the database needs no upgrade.

    Args:
        uri: the setting ``SQLALCHEMY_DATABASE_URI``
        instance: relative paths of SQLite files start here
        environment: of the program that looks at other databases

    Raises:
        UsageError: the database cannot be reached
    """
    if sqlite := re.fullmatch(r"sqlite:///([^?%:]+)", uri):
        if _is_upgraded(_versions_in_file(instance / sqlite[1])):
            return True
    looked = subprocess.run(
        [sys.executable, "-m", __name__, str(instance)],
        input=uri,  # other users of the machine can see arguments
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    if looked.returncode not in (0, _UPGRADE_NEEDED):
        raise UsageError(looked.stderr.strip().rpartition("\n")[2])
    return looked.returncode == 0


def _is_upgraded(found: set[str]) -> bool:
    """Whether these are the newest revisions, or some that only a newer version knows."""
    return found == heads() or not found <= known_revisions()


def _versions_in_file(file: Path) -> set[str]:
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as database:
            return {row[0] for row in database.execute(_QUERY)}
    except sqlite3.Error:
        return set()


def main(instance: str) -> int:
    """Look at a database of any kind; its errors are one line of stderr."""
    from sqlalchemy.exc import DBAPIError

    from ..db.connection import DatabaseUnreachable, connect

    try:
        with connect(sys.stdin.read(), Path(instance)) as connection:
            try:
                found = set(connection.exec_driver_sql(_QUERY).scalars())
            except DBAPIError:
                found = set()
    except DatabaseUnreachable as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if _is_upgraded(found) else _UPGRADE_NEEDED


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
