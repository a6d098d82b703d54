from helpers.databases import (  # noqa: F401
    app,
    postgresql,
    postgresql_database,
)
from helpers.runner import context  # noqa: F401
