"""Imports a table of a database as entities."""

from collections.abc import Sequence
from typing import Annotated, Any

from qhana_plugin_runner.authoring import (
    Ask,
    Field,
    Output,
    PluginType,
    Secret,
    Task,
    plugin,
)

from .databases import allowed_urls, connected, require_allowed


@plugin(
    version="v1.0.0",
    title="SQL import",
    type=PluginType.dataloader,
    tags=["data-loading"],
    outputs={
        "entities": Output("entity/list", "text/csv"),
        "attributes": Output("entity/attribute-metadata", "application/json"),
    },
)
def sql_import(
    task: Task,
    url: Annotated[
        str,
        Field(
            label="Database",
            input_type="select",
            check=require_allowed,
            metadata={"options": allowed_urls},
        ),
    ],
    user_name: str = "",
    password: Secret | None = None,
) -> Ask:
    """Imports a database table as entities.

    Choose the table, and then its columns. The primary key becomes the ID; without one, rows
    are numbered. A second file describes the attributes. From the table `city` with the columns
    `name` (primary key), `founded`, and `area`, you get

    | ID | founded | area |
    | --- | --- | --- |
    | Ulm | 0850-07-22 | 118.69 |
    | Bonn | | 141.06 |

    NULL becomes an empty value. Bytes are hexadecimal digits, objects are JSON, and the
    values of arrays are joined with `;`.

    The plugin only reads the database. Operators list the databases in the setting
    `SQL_IMPORT_URLS`.

    Args:
        url: The database.
        user_name: Your database user; not for SQLite files.
        password: Your password; it is stored encrypted until the task ends.
    """
    task.data = {"url": url, "user_name": user_name}
    with connected(url, user_name, password or "") as database:
        tables = database.tables()
    if not tables:
        raise ValueError("The database has no table that you can see.")
    task.data["tables"] = tables
    return choose_table.ask(choices={"table": tables})


@sql_import.step(title="Choose a table")
def choose_table(task: Task, table: str) -> Ask:
    """These are the tables and views of the database.

    Args:
        table: The one to import.
    """
    task.data["table"] = place = task.data.pop("tables")[table]
    with _connected(task) as database:
        columns = database.columns(*place)
    shown = "\n".join(f"* `{name}`: {kind}" for name, kind in columns.items())
    names = list(columns)
    return choose_columns.ask({"columns": names}, {"columns": names}, shown)


@sql_import.step(title="Choose columns")
def choose_columns(
    task: Task,
    columns: Sequence[str] = (),
    limit: Annotated[int | None, Field(ge=1)] = None,
) -> dict[str, Any]:
    """The primary key is the ID of the entities, whether you choose it or not.

    Args:
        columns: The columns to import; by default, all.
        limit: The number of rows to import; by default, all.
    """
    with _connected(task) as database:
        reading = database.read(*task.data["table"], columns, limit)
        entities = task.folder / "entities.csv"
        count = reading.write(entities, task)
    task.log(f"Entities: {count}, attributes: {len(reading.header) - 1}.")
    for line in reading.log():
        task.log(line)
    return {"entities": entities, "attributes": reading.attributes()}


def _connected(task: Task) -> Any:
    password = task.secrets.get("password", "")
    return connected(task.data["url"], task.data["user_name"], password)
