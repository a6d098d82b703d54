"""Plugins written by a test, served without a trace in later tests."""

import sys
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent

import marshmallow.class_registry
import pytest
from celery import _state as celery_state
from helpers.runner import create_tables

from qhana_plugin_runner import create_app
from qhana_plugin_runner.api import ROOT_API
from qhana_plugin_runner.celery import CELERY
from qhana_plugin_runner.db import DB
from qhana_plugin_runner.plugins import loading as plugins_module
from qhana_plugin_runner.util.plugins import QHAnaPluginBase

_SOURCE = '''\
from flask.views import MethodView

from qhana_plugin_runner.api.util import SecurityBlueprint
from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

IDENTIFIER = plugin_identifier({name!r}, {version!r})
BLP = SecurityBlueprint(
    IDENTIFIER, __name__, description="A plugin for tests.", template_folder="templates"
)


class Plugin(QHAnaPluginBase):
    name = {name!r}
    version = {version!r}
    description = "A plugin for tests."
    tags = ["test"]

    def get_api_blueprint(self):
        return BLP


@BLP.route("/")
class PluginView(MethodView):
    """The plugin."""

    @BLP.response(200)
    def get(self):
        """Say which plugin this is."""
        return {{"plugin": IDENTIFIER, "module": __name__}}


'''


def plugin_source(name, version="v1.0.0", more=""):
    """Return the source of a working plugin, followed by more of it."""
    return _SOURCE.format(name=name, version=version) + dedent(more)


class Plugins:
    """Folders of plugins for one test.

    Attributes:
        folder: the folder that is searched when a test names none.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "plugins"
        self.folder.mkdir()
        self._apps = []

    def write(self, path, source):
        """Write a file of a plugin and return its path."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(source))
        return file

    def app(self, *folders, **settings):
        """Create an app that serves the plugins of the folders."""
        database = self.root / f"app{len(self._apps)}.db"
        app = create_app(
            {
                "TESTING": True,
                "PLUGIN_FOLDERS": [str(folder) for folder in folders or (self.folder,)],
                "SQLALCHEMY_DATABASE_URI": f"sqlite:///{database}",
                **settings,
            }
        )
        self._apps.append(app)
        with app.app_context():
            create_tables()
        return app

    def client(self, *folders, **settings):
        """Create an app and return a client of it."""
        return self.app(*folders, **settings).test_client()

    def close(self):
        for app in self._apps:
            with app.app_context():
                DB.session.remove()
                DB.engine.dispose()


def registry(app):
    """Return what an app knows of its plugins."""
    return app.extensions["qhana_plugins"]


def problems(app):
    """Return the failures of an app that are more than a note."""
    return [failure for failure in registry(app).failures if not failure.is_note]


def failures(app):
    """Return the failures of an app by the name of the file or the identifier."""
    return {
        failure.name or Path(failure.file).name: failure
        for failure in registry(app).failures
    }


def dangling_references(document):
    """Return the references of a document to what is not in it."""
    found = []

    def visit(node):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                target = document
                try:
                    for part in node["$ref"].removeprefix("#/").split("/"):
                        target = target[part]
                except KeyError:
                    found.append(node["$ref"])
            node = node.values()
        if not isinstance(node, str) and hasattr(node, "__iter__"):
            for child in node:
                visit(child)

    visit(document)
    return found


def _forget_plugin_modules():
    """Take the modules and tasks of all plugins out of the process."""
    names = {
        type(plugin).__module__.partition(".")[0]
        for plugin in QHAnaPluginBase.__plugins__.values()
    }
    for task_name, task in list(CELERY._tasks.items()):
        if type(task).__module__.partition(".")[0] in names:
            del CELERY._tasks[task_name]
    for name in [name for name in sys.modules if name.partition(".")[0] in names]:
        del sys.modules[name]


@contextmanager
def isolated_plugins(root):
    """Start without plugins, and forget those of the test when it is over."""
    CELERY.finalize()  # registers the tasks of other tests, which stay
    stores = [
        sys.modules,
        QHAnaPluginBase.__plugins__,
        plugins_module._failures,
        marshmallow.class_registry._registry,
        CELERY._tasks,
    ]
    before = [dict(store) for store in stores]
    defined_in = list(plugins_module._defined_in)
    finalizers = set(celery_state._on_app_finalizers)
    flask_app, plugins_app = CELERY.flask_app, QHAnaPluginBase.__app__
    api = ROOT_API.__dict__
    _forget_plugin_modules()
    QHAnaPluginBase.__plugins__.clear()
    plugins_module._failures.clear()
    plugins_module._defined_in.clear()
    QHAnaPluginBase.__app__ = None
    plugins = Plugins(root)
    try:
        yield plugins
    finally:
        plugins.close()
        _forget_plugin_modules()
        # The app imports modules of the runner when it is made first, and only then.
        own_tasks = {
            name: task
            for name, task in CELERY._tasks.items()
            if type(task).__module__.partition(".")[0] == "qhana_plugin_runner"
        }
        for store, known in zip(stores[1:], before[1:]):
            store.clear()
            store.update(known)
        plugins_module._defined_in[:] = defined_in
        CELERY._tasks.update(own_tasks)
        sys.modules.update(before[0])
        # Modules of libraries stay, as other modules hold on to them already.
        for name in set(sys.modules) - set(before[0]):
            file = getattr(sys.modules[name], "__file__", None) or ""
            if Path(file).is_relative_to(root):
                del sys.modules[name]
        CELERY._pending.clear()
        celery_state._on_app_finalizers.intersection_update(finalizers)
        CELERY.flask_app, QHAnaPluginBase.__app__ = flask_app, plugins_app
        ROOT_API.__dict__ = api


@pytest.fixture
def plugins(tmp_path):
    """The test starts without plugins, and leaves none."""
    with isolated_plugins(tmp_path) as plugins:
        yield plugins
