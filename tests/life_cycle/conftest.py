from helpers.databases import (  # noqa: F401
    app,
    database_of_module,
    postgresql,
    postgresql_database,
)
from helpers.runner import context  # noqa: F401
