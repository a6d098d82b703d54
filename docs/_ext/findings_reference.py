"""The directive ``findings-reference``: what the checks of plugins can find."""

import re

from docutils import nodes
from shims_reference import table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from qhana_plugin_runner.checks.findings import FINDINGS

HEADS = ("Finding", "What is wrong", "What to do")


def shown(text: str) -> str:
    """Return a text with an ellipsis for each detail that is filled in."""
    return re.sub(r"\{[\w!]+\}", "…", text).replace("{{", "{").replace("}}", "}")


class FindingsReference(SphinxDirective):
    """One row for each kind of finding."""

    def run(self) -> list[nodes.Node]:
        rows: list[list[nodes.Node]] = [
            [
                nodes.paragraph("", "", nodes.literal("", code)),
                nodes.paragraph("", shown(kind.text)),
                nodes.paragraph("", shown(kind.cure)),
            ]
            for code, kind in FINDINGS.items()
        ]
        return [table(HEADS, rows, (20, 40, 40))]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("findings-reference", FindingsReference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
