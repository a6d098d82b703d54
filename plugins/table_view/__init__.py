"""Shows entities as a table: sorted, searched, page by page."""

from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from flask import has_request_context, render_template, request
from markupsafe import Markup
from requests import RequestException

from qhana_plugin_runner.authoring import (
    Entities,
    Field,
    Output,
    Page,
    PluginType,
    Task,
    plugin,
)
from qhana_plugin_runner.errors import RunnerError
from qhana_plugin_runner.plugin_utils.columns import number_of
from qhana_plugin_runner.plugin_utils.entity_marshalling import ensure_dict, load_entities
from qhana_plugin_runner.requests import get_mimetype, open_url

from .tables import MAX_COLUMNS, MAX_ROWS, Found, Query, Table, find

FILE_ROWS = 10_000
"""Rows that a file with the table has."""


@plugin(
    version="v1.0.0",
    type=PluginType.visualization,
    tags=["visualization"],
    outputs={"table": Output("table/html", "text/html")},
)
def table_view(
    task: Task,
    data: Annotated[Entities, Field(label="Entities", data_type="entity/*")],
    attributes: Annotated[
        Entities | None,
        Field(label="Attribute metadata", data_type="entity/attribute-metadata"),
    ] = None,
    sort: Annotated[str | None, Field(label="Sort by", attributes_of="data")] = None,
    descending: bool = False,
    search: str | None = None,
    column: Annotated[str | None, Field(label="Search in", attributes_of="data")] = None,
    condition: Literal["contains", "equals", "at least", "at most"] = "contains",
    page: Annotated[int, Field(ge=1, le=1_000_000_000)] = 1,
    rows: Annotated[int, Field(label="Rows on a page", ge=1, le=1_000)] = 50,
) -> Page:
    """Shows entities as a table that you can sort, search, and page through.

    Accepts CSV, JSON, and JSON lines with up to two million rows. The first pages of a
    file appear immediately; sorting and searching first read the whole file, once, which
    takes several seconds for a million rows.

    Numbers are sorted as numbers, and before texts; missing values come last.
    **submit** saves an HTML file with the first 10,000 of the rows found.

    Example: sorted by `size`, descending, searched for `a` in `ID`, of the entities

    | ID | size |
    | --- | --- |
    | a1 | 9 |
    | b1 | 11 |
    | a2 | 10 |

    `a2` and `a1` are shown.

    Args:
        data: The entities.
        attributes: Titles and descriptions of the attributes; by default, those that the
            server of the file names.
        sort: The attribute to sort by; by default, the order of the file.
        descending: Whether the greatest value comes first.
        search: The text to search for. It isn't case-sensitive.
        column: The attribute to search in; by default, all of them.
        condition: How the value must compare with the text; conditions other than
            `contains` need an attribute.
        page: The page number.
        rows: The number of rows per page.
    """
    query = Query(sort, descending, search or "", column, condition)
    is_page = has_request_context()
    first, count = ((page - 1) * rows, rows) if is_page else (0, FILE_ROWS)
    if url := getattr(data, "url", None):
        found = find(task, url, query, first, count)
    else:
        found = Table(data).find(query, first, count)
    notes = []
    described = read_metadata(attributes, found.metadata_url, notes)
    if found.is_cut:
        notes.append(
            f"The file has more than {MAX_ROWS:,} rows or {MAX_COLUMNS} attributes: the others are "
            "neither shown nor searched."
        )
    title = caption_of(found, first, query)
    body = render_template(
        "table-view.html",
        caption=title,
        heads=[head_of(name, described, query, is_page) for name in found.columns],
        rows=found.rows,
        is_number=lambda value: number_of(value) is not None,
        links=links_of(found, page, rows) if is_page else [],
    )
    choices = {"sort": found.columns, "column": found.columns}
    return Page(title=title, body=Markup(body), notes=notes, choices=choices)


def read_metadata(
    given: Any, url: str | None, notes: list[str]
) -> dict[str, dict[str, Any]]:
    """Return what is said about each attribute; nobody asked for that which a server names."""
    if given is None and url:
        try:
            with open_url(url, stream=True) as response:
                given = list(ensure_dict(load_entities(response, get_mimetype(response))))
        except (RunnerError, ValueError, RequestException):
            notes.append("The attribute metadata that the server names cannot be read.")
    return {str(each.get("ID")): each for each in given or ()}


def caption_of(found: Found, first: int, query: Query) -> str:
    if not found.rows:
        where = "no rows on this page" if found.total else "no rows"
        return f"There are {where}." if not query.search else f"Found {where}."
    of = f" of {found.total:,}" if found.total is not None else ""
    text = f"Rows {first + 1:,} to {first + len(found.rows):,}{of}"
    if query.search:
        text += f" with {query.column or 'a value'} {query.condition} “{query.search}”"
    if query.sort:
        order = "descending" if query.descending else "ascending"
        text += f", sorted by {query.sort}, {order}"
    return text


def head_of(
    name: str, described: dict[str, dict[str, Any]], query: Query, is_page: bool
) -> dict[str, Any]:
    """Return what the head of a column shows; a click on it sorts."""
    about = described.get(name, {})
    is_sorted = name == query.sort
    turned = is_sorted and not query.descending
    return {
        "name": name,
        "title": about.get("title") or name,
        "description": about.get("description"),
        "order": (
            ("descending" if query.descending else "ascending") if is_sorted else None
        ),
        "href": (
            link(sort=name, descending="true" if turned else "false", page=1)
            if is_page
            else None
        ),
    }


def links_of(found: Found, page: int, rows: int) -> list[tuple[str, str]]:
    """Return text and URL of the links to other pages."""
    links = []
    if page > 1:
        links += [("First", link(page=1)), ("Previous", link(page=page - 1))]
    if found.has_more:
        links.append(("Next", link(page=page + 1)))
    if found.has_more and found.total is not None:
        links.append(("Last", link(page=-(-found.total // rows))))
    return links


def link(**changes: Any) -> str:
    """Return the URL of this page with other values."""
    return f"?{urlencode(request.values.to_dict() | changes)}"
