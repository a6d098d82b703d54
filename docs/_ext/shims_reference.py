"""The directive ``shims-reference``: the APIs that compatibility shims serve."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from qhana_plugin_runner.util.compat import SHIMS

HEADS = ("Name", "Library", "What the plugin does", "What to write instead")


def table(
    heads: tuple[str, ...], rows: list[list[nodes.Node]], widths: tuple[int, ...]
) -> nodes.table:
    """Return a table of cells that are parsed already."""
    group = nodes.tgroup(cols=len(heads))
    group += [nodes.colspec(colwidth=width) for width in widths]
    head = nodes.row()
    head += [nodes.entry("", nodes.paragraph("", text)) for text in heads]
    body = nodes.tbody()
    for cells in rows:
        row = nodes.row()
        row += [nodes.entry("", cell) for cell in cells]
        body += row
    group += [nodes.thead("", head), body]
    return nodes.table("", group)


class ShimsReference(SphinxDirective):
    """One row for each shim. Its texts hold Python code, so they are taken as they are."""

    def run(self) -> list[nodes.Node]:
        rows: list[list[nodes.Node]] = [
            [
                nodes.paragraph("", "", nodes.literal("", shim.name)),
                nodes.paragraph("", shim.library),
                nodes.paragraph("", shim.serves),
                nodes.paragraph("", shim.advice),
            ]
            for shim in SHIMS
        ]
        return [table(HEADS, rows, (18, 16, 33, 33))]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("shims-reference", ShimsReference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
