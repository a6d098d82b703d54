"""Models in files that strangers may have made: nothing but what classify writes is loaded.

A file of skops is a ZIP archive of arrays, with a schema that says which objects to make of them.
It cannot run code as a pickle does, but it could name classes that do harm, or hold arrays that
make compiled code read where it should not. So classes are compared with a list before anything is
loaded, and arrays are looked at before they are used.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

KIND = "qhana-classifier"

MOST_BYTES = 2**30
MOST_SCHEMA_BYTES = 2**26
"""The schema becomes objects of Python, which take more memory than other parts of the file."""

TREE = "sklearn.tree._tree.Tree"

ALLOWED = {
    "DictNode": {"builtins.dict"},
    "ListNode": {"builtins.list"},
    "TupleNode": {"builtins.tuple"},
    "JsonNode": {"builtins.str"},
    "TypeNode": {"builtins.str"},
    "NdArrayNode": {"numpy.float64", "numpy.int64", "numpy.ndarray"},
    "ObjectNode": {
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.pipeline.Pipeline",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.svm._classes.SVC",
        "sklearn.tree._classes.DecisionTreeClassifier",
    },
    "TreeNode": {TREE},
}
"""What classify can have written: the kinds of nodes of the schema, and the classes in them."""


class ModelError(ValueError):
    """A file is no model that classify can have made."""


def _no_model(reason: str) -> ModelError:
    return ModelError(
        f"The file is no model that the plugin classify has made: {reason}. Choose its output "
        "`model`."
    )


class Model(NamedTuple):
    """A trained model.

    Attributes:
        pipeline: what predicts.
        attributes: the attributes that it was trained on, in their order.
        classes: the classes that it predicts.
        has_probabilities: whether it tells how sure it is.
    """

    pipeline: Any
    attributes: list[str]
    classes: list[str | int]
    has_probabilities: bool


def read_model(path: Path) -> Model:
    """Load a model.

    Raises:
        ModelError: the file is none, or may do harm.
    """
    from skops.io import load

    try:
        with ZipFile(path) as archive:
            _require_allowed(archive)
        # Looks at the types once more.
        return _checked(load(path, trusted=[TREE]))
    except ModelError:
        raise
    except Exception as error:  # whatever a broken file leads to
        raise _no_model(
            "it cannot be read, or another version of scikit-learn has made it"
        ) from error


def _require_allowed(archive: ZipFile) -> None:
    """Refuse classes that do not belong into a model, and what is too large for memory."""
    sizes = {each.filename: each.file_size for each in archive.infolist()}
    if "schema.json" not in sizes:
        raise _no_model("it has no schema")
    if sizes["schema.json"] > MOST_SCHEMA_BYTES:
        raise _no_model("its schema is too large")
    total = 0
    for node in _nodes(json.loads(archive.read("schema.json"))):
        kind, name = node["__loader__"], f"{node['__module__']}.{node['__class__']}"
        if name not in ALLOWED.get(kind, ()):
            raise _no_model(f"it holds {name!r} ({kind}), which is not part of one")
        total += sizes[node["file"]] if "file" in node else 0
        if total > MOST_BYTES:
            raise _no_model(f"it takes more than {MOST_BYTES / 2**30:g} GiB")
        if (
            kind == "TreeNode"
            and node["__reduce__"]["args"]["content"][2]["content"] != "1"
        ):
            raise _no_model("one of its trees has several outputs")


def _nodes(schema: Any) -> Iterator[dict[str, Any]]:
    """Return the nodes of a schema, however deep they are."""
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            if each.keys() & {"__loader__", "__class__", "__module__"}:
                yield each
            waiting.extend(each.values())
        elif isinstance(each, list):
            waiting.extend(each)


def _checked(content: Any) -> Model:
    """Return the model after a look at all that compiled code takes on trust."""
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise _no_model("it holds something else")
    attributes, classes = content["attributes"], content["classes"]
    (_, scaler), (_, classifier) = content["pipeline"].steps
    width = len(attributes)
    is_whole = (
        all(isinstance(each, str) for each in attributes)
        and all(isinstance(each, (str, int)) for each in classes)
        and classes == content["pipeline"].classes_.tolist()
        and scaler.mean_.shape == scaler.scale_.shape == (width,)
    )
    name = type(classifier).__name__
    is_sound = type(scaler).__name__ == "StandardScaler" and _CHECKS[name]
    if not (is_whole and is_sound and is_sound(classifier, width, len(classes))):
        raise _no_model("its parts do not fit together")
    return Model(content["pipeline"], attributes, classes, name != "SVC")


def _is_logistic_regression(model: Any, width: int, classes: int) -> bool:
    return model.coef_.shape == (1 if classes == 2 else classes, width)


def _is_svm(model: Any, width: int, classes: int) -> bool:
    vectors = len(model.support_)
    counts = model._n_support
    return (
        model.kernel in ("rbf", "linear")
        and model._impl == "c_svc"
        and not model._sparse
        and model.support_vectors_.shape == (vectors, width)
        and model._dual_coef_.shape == (classes - 1, vectors)
        and model._intercept_.shape == (classes * (classes - 1) // 2,)
        and counts.shape == (classes,)
        and (counts >= 0).all()
        and counts.sum() == vectors
        and model._probA.size == model._probB.size == 0
    )


def _is_forest(model: Any, width: int, classes: int) -> bool:
    return all(
        type(each).__name__ == "DecisionTreeClassifier"
        and _is_tree(each.tree_, width, classes)
        for each in model.estimators_
    )


def _is_tree(tree: Any, width: int, classes: int) -> bool:
    """Whether each way through a tree goes down to a leaf."""
    import numpy

    if not 0 < tree.node_count <= tree.capacity:
        return False
    if (tree.n_features, tree.n_outputs, tree.max_n_classes) != (width, 1, classes):
        return False
    left, right = tree.children_left, tree.children_right
    inner = left != -1
    number = numpy.arange(tree.node_count)[inner]
    return bool(
        all(
            ((number < each[inner]) & (each[inner] < tree.node_count)).all()
            for each in (left, right)
        )
        and ((tree.feature[inner] >= 0) & (tree.feature[inner] < width)).all()
    )


_CHECKS = {
    "LogisticRegression": _is_logistic_regression,
    "SVC": _is_svm,
    "RandomForestClassifier": _is_forest,
}
