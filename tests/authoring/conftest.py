"""Plugins in the short form, written by a test, and an app that works on their tasks at once."""

import pytest

EAGER = {
    "task_always_eager": True,
    "broker_url": "memory://",
    "result_backend": "cache+memory://",
}


class Author:
    """Writes plugins, and runs them as clients do."""

    def __init__(self, plugins):
        self.plugins = plugins

    def serve(self, source, name="written", **settings):
        """Serve the plugins of a module; return a client."""
        self.plugins.write(f"{name}.py", source)
        files = str(self.plugins.root / "files")
        settings = {"CELERY": EAGER, "FILE_STORE_ROOT_PATH": files, **settings}
        self.app = self.plugins.app(**settings)
        self.client = self.app.test_client()
        return self.client

    def run(self, identifier, data=None):
        """Run a plugin; return the status of its task."""
        answer = self.client.post(f"/plugins/{identifier}/process/", data=data or {})
        assert answer.status_code == 303, answer.text
        return self.client.get(answer.location).get_json()

    def outputs(self, status):
        """Return the content of the outputs by name."""
        found = {}
        for output in status["outputs"]:
            with self.client.get(output["href"]) as answer:
                found[output["name"]] = answer.data
        return found


@pytest.fixture
def author(plugins):
    return Author(plugins)
