"""An author of plugins, who runs them as clients do, in an app that does all that they send."""

from qhana_plugin_runner.testing.running import IN_MEMORY, work_off


class Author:
    """Writes plugins, and runs them as clients do."""

    def __init__(self, plugins):
        self.plugins = plugins

    def serve(self, source=None, *folders, **settings):
        """Serve the plugins of a module, or those of folders; return a client."""
        if source is not None:
            self.plugins.write("written.py", source)
        files = str(self.plugins.root / "files")
        settings = {"CELERY": IN_MEMORY, "FILE_STORE_ROOT_PATH": files, **settings}
        self.app = self.plugins.app(*folders, **settings)
        self.client = self.app.test_client()
        return self.client

    def run(self, identifier, data=None):
        """Run a plugin; return the status of its task."""
        return self.send(f"/plugins/{identifier}/process/", data)

    def send(self, url, data=None):
        """Send a form that starts a task, or answers a step; return the status of the task."""
        answer = self.client.post(url, data=data or {})
        assert answer.status_code == 303, answer.text
        work_off(self.app)
        return self.client.get(answer.location).get_json()

    def outputs(self, status):
        """Return the content of the outputs by name."""
        found = {}
        for output in status["outputs"]:
            with self.client.get(output["href"]) as answer:
                found[output["name"]] = answer.data
        return found
