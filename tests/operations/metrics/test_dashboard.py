"""The dashboard and the alerts ask for metrics and labels that the runner has, and add up no copies."""

import json
import re

import promql_parser as promql
import pytest
import yaml
from helpers.product import CHECKOUT

from qhana_plugin_runner.db.models.task_state import TaskState
from qhana_plugin_runner.operations.metrics.definitions import METRICS

DASHBOARD = CHECKOUT / "deploy" / "grafana" / "qhana.json"
RULES = CHECKOUT / "deploy" / "prometheus" / "rules.yaml"

SAMPLES = {
    metric.name + ending: metric
    for metric in METRICS
    for ending in (("_bucket", "_sum", "_count") if metric.buckets else ("",))
}

OF_PROMETHEUS = {"instance", "job"}


def panels():
    return json.loads(DASHBOARD.read_text("utf-8"))["panels"]


def rules():
    (group,) = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return group["rules"]


QUERIES = [
    pytest.param(target["expr"], target["legendFormat"], id=f"panel {panel['title']}")
    for panel in panels()
    for target in panel["targets"]
] + [
    pytest.param(
        rule["expr"],
        re.sub(r"\$labels\.(\w+)", r"\1", " ".join(rule["annotations"].values())),
        id=f"alert {rule['alert']}",
    )
    for rule in rules()
]


def selectors(expression, around=()):
    """Yield each selector of a query, with what is around it."""
    inner = (*around, expression)
    if isinstance(expression, promql.VectorSelector):
        yield expression, around
    elif isinstance(expression, promql.MatrixSelector):
        yield from selectors(expression.vector_selector, around)
    elif isinstance(expression, promql.BinaryExpr):
        yield from selectors(expression.lhs, inner)
        yield from selectors(expression.rhs, inner)
    elif isinstance(expression, promql.Call):
        for argument in expression.args:
            yield from selectors(argument, inner)
    elif hasattr(expression, "expr"):
        yield from selectors(expression.expr, inner)


@pytest.mark.parametrize(("query", "shown"), QUERIES)
def test_a_query_asks_for_what_there_is(query, shown):
    found = list(selectors(promql.parse(query.replace("$__rate_interval", "5m"))))
    assert found
    left = set()
    for selector, around in found:
        if selector.name == "up":  # Prometheus' own
            left |= OF_PROMETHEUS
            continue
        metric = SAMPLES[selector.name]
        labels = {*metric.labels, *OF_PROMETHEUS}
        labels |= {"le"} if selector.name.endswith("_bucket") else set()
        groups = [each for each in around if isinstance(each, promql.AggregateExpr)]
        functions = [each.func.name for each in around if isinstance(each, promql.Call)]
        for matcher in selector.matchers.matchers:
            assert matcher.name in labels
            if matcher.name == "state":
                assert set(matcher.value.split("|")) <= {
                    state.value for state in TaskState
                }
        for group in reversed(groups):  # the innermost first
            labels = set(group.modifier.labels) & labels if group.modifier else set()
            assert not group.modifier or labels == set(group.modifier.labels)
            if "topk" in str(group.op):
                labels = {*groups[-1].modifier.labels}
        if metric.of == "runner":
            assert "max" in str(groups[-1].op), "each web server tells the same"
        if metric.kind in ("counter", "histogram"):
            assert {"rate", "increase"} & set(functions), "it begins with 0 at each start"
        left |= labels
    assert set(re.findall(r"{{\s*(\w+)\s*}}", shown)) - {"value"} <= left - {"le"}


def test_each_metric_is_on_the_dashboard():
    queries = " ".join(query.values[0] for query in QUERIES)
    missing = [metric.name for metric in METRICS if metric.name not in queries]
    assert missing == []


def test_panels_lie_beside_each_other_and_take_the_data_source_that_is_chosen():
    places = [panel["gridPos"] for panel in panels()]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells)) and max(x for x, _y in cells) < 24
    assert {panel["datasource"]["uid"] for panel in panels()} == {"${datasource}"}
