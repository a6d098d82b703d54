"""Imports a CSV file of any kind as entities."""

from typing import Annotated, Any, Literal

from qhana_plugin_runner.authoring import (
    Ask,
    Field,
    File,
    Output,
    PluginType,
    Task,
    plugin,
)

from .guess import Table
from .layout import Layout
from .rows import Import, first_rows, read_columns, write_columns

Charset = Literal[
    "utf-8",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "windows-1252",
    "iso-8859-1",
    "iso-8859-15",
    "windows-1250",
    "windows-1251",
    "cp437",
    "cp850",
    "mac-roman",
    "shift_jis",
    "gb18030",
    "big5",
    "euc-kr",
]


@plugin(
    version="v1.0.0",
    title="CSV import",
    type=PluginType.dataloader,
    tags=["data-loading"],
    outputs={
        "entities": Output("entity/list", "text/csv"),
        "attributes": Output("entity/attribute-metadata", "application/json"),
        "report": Output("custom/import-report", "application/json", required=False),
    },
)
def csv_import(
    task: Task,
    file: Annotated[File, Field(data_type="*", content_types=["text/*"])],
    review: Annotated[bool, Field(label="Review before the import")] = True,
) -> Any:
    """Imports a CSV file of any kind as entities.

    The plugin guesses the encoding, delimiter, quotes, decimal separator, header, and the type of
    each column. You see the guesses, with the first rows, and correct them before the import.

    The entities have an ID, numbers with a decimal point, dates as `2025-12-31`, and empty
    values where a value is missing. A second file describes the attributes. Malformed values are
    left empty, counted in the log, and listed with their lines in a report.

        Nr;Datum;Preis
        A1;31.12.2025;1.234,50
        A2;k. A.;3,00

    becomes

    | ID | Datum | Preis |
    | --- | --- | --- |
    | A1 | 2025-12-31 | 1234.50 |
    | A2 | | 3.00 |

    Args:
        file: The file to import.
        review: Show the guesses before the import; otherwise, it starts immediately.
    """
    table = Table.guess(file, {})
    if review:
        return _ask(task, file, table, {})
    return _import(task, file, table, table.layout, table.names, table.kinds)


@csv_import.step(title="Check the table")
def check(
    task: Task,
    file: Annotated[File | None, Field(input_type="hidden")] = None,
    columns: Annotated[str, Field(input_type="textarea", check=read_columns)] = "",
    missing: Annotated[str, Field(input_type="textarea", label="Missing values")] = "",
    charset: Charset = "utf-8",
    delimiter: Literal[",", ";", "tab", "|", ":", "space"] = ",",
    quote: Literal['"', "'", "none"] = '"',
    decimal: Annotated[Literal[".", ","], Field(label="Decimal sign")] = ".",
    header: Annotated[bool, Field(label="The first row is a header")] = True,
    skip_lines: Annotated[int, Field(ge=0, label="Lines before the table")] = 0,
) -> Any:
    """This is what the table looks like. Correct what is wrong.

    If you change how the file is read, but not the columns, the plugin guesses the columns again
    and asks you again.

    Args:
        columns:
            Name and type of each column, in order, as in `Price: number`. Types are `id`
            (at most once; without it, rows are numbered), `integer`, `number`, `boolean`, `text`,
            `skip`, and `date-dmy`, `date-mdy`, `date-ymd`, or `datetime-` for those with a time,
            by the order of day, month, and year. Leave it empty to guess.
        missing: Words for missing values, one per line.
        charset: The encoding.
        delimiter: Separates the values; spaces after it are ignored.
        quote: Encloses values that contain a delimiter or a line break.
        decimal: In numbers; the other sign, spaces, and apostrophes may separate thousands.
        header: Contains the names of the columns.
        skip_lines: Titles and comments above the header.
    """
    if file is None:
        raise ValueError("There is no file to import.")
    missing = "\n".join(missing.splitlines())
    layout = Layout(charset, delimiter, quote, decimal, header, skip_lines, missing)
    given = layout.as_dict()
    changed = {k: each for k, each in given.items() if each != task.data["layout"][k]}
    fixed = {**task.data["fixed"], **changed}
    try:
        if changed and columns.split() == task.data["columns"].split():
            return _ask(task, file, Table.guess(file, fixed), fixed)
        table = Table.guess(file, given)
        names, kinds = table.names, table.kinds
        if columns.strip():
            names, kinds = read_columns(columns)
        if len(names) != len(table.names):
            raise ValueError(
                f"The table has {len(table.names)} columns, and there are {len(names)} lines: write "
                "one for each column, with the type skip for those that you do not want."
            )
        return _import(task, file, table, layout, names, kinds)
    except ValueError as error:
        task.log(str(error))
        return check.ask({"file": file, "columns": columns, **given}, text=f"**{error}**")


def _ask(task: Task, file: File, table: Table, fixed: dict[str, Any]) -> Ask:
    """Show what is guessed, and keep it: what people leave alone may be guessed anew."""
    layout = table.layout.as_dict()
    columns = write_columns(table.names, table.kinds)
    task.data = {"layout": layout, "columns": columns, "fixed": fixed}
    return check.ask({"file": file, "columns": columns, **layout}, text=first_rows(table))


def _import(
    task: Task,
    file: File,
    guessed: Table,
    layout: Layout,
    names: list[str],
    kinds: list[str],
) -> dict[str, Any]:
    """Write the entities, their attributes, and what was odd."""
    task.log(
        f"Read as {layout.charset}: delimiter {layout.delimiter!r}, quote {layout.quote!r}, "
        f"decimal sign {layout.decimal!r}, {'a' if layout.header else 'no'} header, "
        f"{layout.skip_lines} lines before the table."
    )
    reading = Import(file, layout, names, kinds, guessed.kinds)
    entities = task.folder / "entities.csv"
    reading.write(entities, task)
    for line in reading.log():
        task.log(line)
    result: dict[str, Any] = {"entities": entities, "attributes": reading.attributes()}
    return {**result, "report": reading.report} if reading.report else result
