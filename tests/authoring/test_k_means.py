"""One plugin in both forms: clients see no difference, and its author saves most of the lines."""

import json
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from urllib.parse import quote

import pytest
from helpers.author import Author
from helpers.plugins import isolated_plugins, problems
from helpers.product import CHECKOUT
from sklearn.datasets import load_iris

from qhana_plugin_runner.authoring import Task

FORMS = Path(__file__).with_name("k_means")
PLUGIN = "/plugins/k-means@v0-1-0/"
PENGUINS = (CHECKOUT / "examples" / "penguins.csv").read_text()
INPUTS = [
    {"entities": f"data:text/csv,{quote(PENGUINS)}", "clusters": "4", "limit": ""},
    {"entities": f"data:text/csv,{quote(PENGUINS)}", "limit": "100"},
]


def seen(folder, root):
    """Return all that clients see of the plugin."""
    root.mkdir()
    with isolated_plugins(root) as plugins:
        author = Author(plugins)
        client = author.serve(None, folder)
        assert problems(author.app) == []
        document = client.get("/api-spec.json").get_json()
        tasks = [author.run("k-means@v0-1-0", given) for given in INPUTS]
        forms = [
            client.get(f"{PLUGIN}ui/"),
            client.get(f"{PLUGIN}ui/?clusters=7&limit=x"),
            client.post(f"{PLUGIN}ui/", data={**INPUTS[0], "clusters": "0"}),
            client.post(f"{PLUGIN}ui/", data=INPUTS[0]),
        ]
        refused = client.post(f"{PLUGIN}process/", data={"clusters": "101"})
        return {
            "plugins": client.get("/plugins/").get_json(),
            "routes": sorted(
                (rule.rule, rule.endpoint, sorted(rule.methods))
                for rule in author.app.url_map.iter_rules()
                if rule.rule.startswith("/plugins/k-means")
            ),
            "metadata": client.get(PLUGIN).get_json(),
            "paths": {
                path: item
                for path, item in document["paths"].items()
                if path.startswith(PLUGIN)
            },
            "schema": document["components"]["schemas"]["KMeans"],
            "tags": [tag for tag in document["tags"] if "k-means" in tag["name"]],
            "forms": [(form.status_code, form.text) for form in forms],
            "refused": (refused.status_code, refused.get_json()),
            "tasks": [
                {key: task[key] for key in ("status", "log", "progress")}
                for task in tasks
            ],
            "outputs": [
                [
                    (each["name"], each["dataType"], each["contentType"])
                    for each in outputs
                ]
                for outputs in (task["outputs"] for task in tasks)
            ],
            "files": [author.outputs(task) for task in tasks],
        }


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    root = tmp_path_factory.mktemp("forms")
    return {each: seen(FORMS / each, root / each) for each in ("short", "long")}


@pytest.mark.parametrize(
    "what",
    "plugins routes metadata paths schema tags forms refused tasks outputs files".split(),
)
def test_clients_see_no_difference(both, what):
    assert both["short"][what] == both["long"][what]
    assert both["short"][what]


def test_the_plugin_clusters(both):
    first, second = both["short"]["files"]
    clustered = json.loads(first["clustered.json"])
    assert len(clustered) == PENGUINS.count("\n") - 1 - sum(
        ",NA" in line for line in PENGUINS.splitlines()
    )
    assert {row["cluster"] for row in clustered} == {0, 1, 2, 3}
    assert len(json.loads(second["clusters.json"])) == 3
    assert len(json.loads(second["clustered.json"])) == 100


def lines(form):
    text = (FORMS / form / "k_means.py").read_text()
    return len([line for line in text.splitlines() if line.strip()])


def test_the_short_form_takes_a_quarter_of_the_lines():
    assert lines("short") <= 40
    assert lines("short") * 4 <= lines("long")


def test_the_function_is_called_as_it_stands(plugins):
    spec = spec_from_file_location("k_means_called", FORMS / "short" / "k_means.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    iris = load_iris(as_frame=True).frame.drop(columns="target")
    rows = [
        {name: str(each) for name, each in row.items()} for row in iris.to_dict("records")
    ]
    task = Task()
    returned = module.k_means(task, rows, clusters=3)
    assert len(list(returned["clusters"])) == 3
    assert {row["cluster"] for row in returned["clustered"]} == {0, 1, 2}
    assert task.lines == ["3 clusters of 150 entities, inertia 78.85."]
