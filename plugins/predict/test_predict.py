"""Predictions are those of the model, and files that are no models are refused."""

import json
import pickle
import zipfile
from io import BytesIO
from pathlib import Path

import numpy
import pytest
from palmerpenguins import load_penguins
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from skops.io import dumps, loads

from qhana_plugin_runner.testing.running import TaskFailed

PLUGINS = Path(__file__).parents[1]
MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
IRIS, KINDS = load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def plugin_folders():
    return [str(PLUGINS / "classify"), str(PLUGINS / "predict")]


@pytest.fixture
def put(fake_data_server):
    return lambda frame: fake_data_server.put(frame.to_csv(index_label="ID"), "x.csv")


@pytest.mark.parametrize(
    "method, classifier",
    [
        ("logistic regression", LogisticRegression(max_iter=1000)),
        ("SVM", SVC()),
        ("random forest", RandomForestClassifier(10, random_state=0)),
    ],
)
def test_a_model_of_classify_predicts(run_plugin, put, method, classifier):
    penguins = load_penguins().dropna()
    train, others = penguins[::2], penguins[1::2].drop(columns="species")
    trained = run_plugin(
        "classify",
        entities=put(train),
        label="species",
        attributes=MEASURES[::-1],
        method=method,
        trees=10,
    )
    path = put_model(trained.outputs["model"].content, run_plugin)
    task = run_plugin("predict", entities=put(others), model=path)
    model = make_pipeline(StandardScaler(), classifier)
    model.fit(train[MEASURES[::-1]].to_numpy(), train.species)
    values = others[MEASURES[::-1]].to_numpy()
    rows = task.outputs["labels"].json()
    assert [row["label"] for row in rows] == model.predict(values).tolist()
    assert [row["ID"] for row in rows] == [str(each) for each in others.index]
    if method == "SVM":
        assert task.outputs.names == ["labels.json"]
        return
    found = task.outputs["probabilities"].to_pandas()
    names = [f"probability_{each}" for each in model.classes_]
    assert numpy.allclose(found[names], model.predict_proba(values))


def put_model(content, run_plugin):
    return run_plugin.data.put(content, "model.skops")


def content_of(pipeline, **changes):
    """Return the content of a model of iris as classify writes it."""
    content = {
        "kind": "qhana-classifier",
        "attributes": ["a", "b", "c", "d"],
        "classes": [0, 1, 2],
        "label": "kind",
        "pipeline": pipeline,
    }
    return content | changes


def fitted(classifier):
    return make_pipeline(StandardScaler(), classifier).fit(IRIS, KINDS)


def with_schema(change, content=None, **files):
    """Return the file of a model with another schema, and with more files."""
    changed = BytesIO()
    content = content or dumps(content_of(fitted(LogisticRegression())))
    with zipfile.ZipFile(BytesIO(content)) as archive:
        schema = json.loads(archive.read("schema.json"))
        with zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as other:
            for name in set(archive.namelist()) - {"schema.json"}:
                other.writestr(name, archive.read(name))
            for name, text in files.items():
                with other.open(name, "w", force_zip64=True) as file:
                    for each in text:
                        file.write(each)
            changed_schema = change(schema)
            if not isinstance(changed_schema, str):
                changed_schema = json.dumps(changed_schema)
            other.writestr("schema.json", changed_schema)
    return changed.getvalue()


def tree_that_leads_astray(**nodes):
    """Return a forest whose first tree has other values in the node at its root."""
    model = fitted(RandomForestClassifier(2, random_state=0))
    tree = model[-1].estimators_[0].tree_
    state = tree.__getstate__()
    for name, value in nodes.items():
        state["nodes"][name][0] = value
    tree.__setstate__(state)
    return dumps(content_of(model))


def svm_with(**attributes):
    model = fitted(SVC())
    for name, value in attributes.items():
        setattr(model[-1], name, value)
    return dumps(content_of(model))


def node(loader, name="str", module="builtins", **others):
    return {"__loader__": loader, "__class__": name, "__module__": module, **others}


class Harm:
    """What a pickle can do."""

    def __reduce__(self):
        return (print, ("harm",))


MEBIBYTE = b"\0" * 2**20

BAD = {
    "a pickle": (lambda: pickle.dumps(Harm()), "it cannot be read"),
    "an empty file": (lambda: b"", "it cannot be read"),
    "a part of a file": (
        lambda: dumps(content_of(fitted(SVC())))[:-100],
        "it cannot be read",
    ),
    "another archive": (lambda: with_name("a.txt", b"a"), "it has no schema"),
    "a model of skops that classify cannot make": (
        lambda: dumps(KMeans(2).fit(IRIS)),
        "it holds 'sklearn.cluster._kmeans.KMeans' (ObjectNode), which is not part",
    ),
    "a function": (
        lambda: dumps(content_of(numpy.sum)),
        "'numpy.sum' (FunctionNode), which is not part of one",
    ),
    "a type that skops does not trust": (
        lambda: dumps(content_of(Path("/"))),
        "PosixPath' (",
    ),
    "a call of a method": (
        lambda: with_schema(
            lambda schema: node("MethodNode", content={"func": "format", "obj": schema})
        ),
        "it holds 'builtins.str' (MethodNode)",
    ),
    "a call of an operator": (
        lambda: with_schema(
            lambda schema: node("OperatorFuncNode", "system", "os", attrs=schema)
        ),
        "it holds 'os.system' (OperatorFuncNode)",
    ),
    "another type as a type": (
        lambda: with_schema(lambda _: node("TypeNode", "Popen", "subprocess")),
        "it holds 'subprocess.Popen' (TypeNode)",
    ),
    "a file that swells": (
        lambda: with_schema(
            lambda schema: [
                schema,
                *[node("NdArrayNode", "ndarray", "numpy", type="numpy", file="zeros")]
                * 33,
            ],
            zeros=[MEBIBYTE] * 32,
        ),
        "it takes more than 1 GiB",
    ),
    "a schema that swells": (
        lambda: with_schema(lambda _: "[" + " " * 2**26 + "]"),
        "its schema is too large",
    ),
    "a schema without an end": (
        lambda: with_schema(lambda _: "[" * 100_000 + "]" * 100_000),
        "it cannot be read",
    ),
    "another kind of content": (
        lambda: dumps(content_of(fitted(SVC()), kind="other")),
        "it holds something else",
    ),
    "a list": (lambda: dumps([1, 2]), "it holds something else"),
    "other attributes": (
        lambda: dumps(content_of(fitted(SVC()), attributes=["a"])),
        "its parts do not fit together",
    ),
    "other classes": (
        lambda: dumps(content_of(fitted(LogisticRegression()), classes=[0, 1])),
        "its parts do not fit together",
    ),
    "no scaler": (
        lambda: dumps(content_of(make_pipeline(SVC(), SVC()))),
        "it cannot be read",
    ),
    "a tree whose branch leads out of it": (
        lambda: tree_that_leads_astray(left_child=10**6),
        "its parts do not fit together",
    ),
    "a tree that goes round": (
        lambda: tree_that_leads_astray(right_child=0),
        "its parts do not fit together",
    ),
    "a tree that asks for an attribute that is not there": (
        lambda: tree_that_leads_astray(feature=4),
        "its parts do not fit together",
    ),
    "an SVM with more vectors than it has": (
        lambda: svm_with(_n_support=numpy.array([9**8, 1, 1], "int32")),
        "its parts do not fit together",
    ),
    "an SVM with too few coefficients": (
        lambda: svm_with(_dual_coef_=numpy.zeros((1, 1))),
        "its parts do not fit together",
    ),
}


def with_name(name, content):
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, content)
    return made.getvalue()


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_model_is_refused(run_plugin, capfd, case):
    make, reason = BAD[case]
    url = put_model(make(), run_plugin)
    rows = [{"ID": number, **dict(zip("abcd", row))} for number, row in enumerate(IRIS)]
    with pytest.raises(TaskFailed) as error:
        run_plugin("predict", entities=run_plugin.data.put(rows, "x.json"), model=url)
    log = error.value.task.log.splitlines()[0]
    assert error.value.task.outputs.names == []
    assert log.count("no model that the plugin classify has made") == 1
    assert reason in log
    assert "harm" not in capfd.readouterr().out


def test_models_of_the_helper_are_good(run_plugin):
    """So that what is refused is refused for its reason."""
    rows = [{"ID": number, **dict(zip("abcd", row))} for number, row in enumerate(IRIS)]
    url = run_plugin.data.put(rows, "x.json")
    for classifier in (LogisticRegression(), SVC(), RandomForestClassifier(2)):
        content = dumps(content_of(fitted(classifier)))
        assert loads(content, trusted=["sklearn.tree._tree.Tree"])
        task = run_plugin("predict", entities=url, model=put_model(content, run_plugin))
        assert len(task.outputs["labels"].json()) == 150
    content = with_schema(lambda schema: schema)
    assert run_plugin("predict", entities=url, model=put_model(content, run_plugin))


def test_attributes_of_the_model_are_needed(run_plugin, put):
    url = put_model(dumps(content_of(fitted(SVC()))), run_plugin)
    with pytest.raises(TaskFailed) as error:
        run_plugin("predict", entities=put(load_penguins()), model=url)
    assert "There is no attribute 'a'; the entities have 'species'" in (
        error.value.task.log
    )
