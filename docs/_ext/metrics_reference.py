"""The directive ``metrics-reference``: what the runner tells Prometheus."""

from docutils import nodes
from shims_reference import table
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from qhana_plugin_runner.operations.metrics.definitions import METRICS

HEADS = ("Metric", "Kind", "Labels", "Of", "What it tells")


class MetricsReference(SphinxDirective):
    """One row for each metric."""

    def run(self) -> list[nodes.Node]:
        rows: list[list[nodes.Node]] = [
            [
                nodes.paragraph("", "", nodes.literal("", metric.name)),
                nodes.paragraph("", metric.kind),
                nodes.paragraph("", ", ".join(metric.labels)),
                nodes.paragraph("", metric.of),
                nodes.paragraph("", metric.text),
            ]
            for metric in METRICS
        ]
        return [table(HEADS, rows, (34, 10, 14, 8, 34))]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("metrics-reference", MetricsReference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
