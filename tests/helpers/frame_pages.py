"""Micro frontends that a test makes, with a plugin's API behind them that does as it is told."""

from flask import (
    Response,
    jsonify,
    redirect,
    render_template_string,
    request,
)
from helpers.forms import schema_of

from qhana_plugin_runner import create_app

# A plugin's template that was written for the original: a page of its own, with the script.
OLD_PAGE = """
<html lang="en"><head><meta charset="utf-8"><title>An old plugin</title></head>
<body>%s<script src="/static/microfrontend.js"></script></body></html>
"""


class FramePages:
    """A site of micro frontends; serve :attr:`app` and set :attr:`url`.

    Args:
        settings: of the app

    Attributes:
        sent: the forms that came to ``/process/``: method, texts by name, names of files by name,
            and the arguments of the query.
        answer: makes the answer of ``/process/``.
    """

    def __init__(self, **settings):
        self.app = create_app({"TESTING": True, **settings})
        self.app.add_url_rule(
            "/page/<int:number>/", "page", self._page, methods=["GET", "POST"]
        )
        self.app.add_url_rule(
            "/process/", "process", self._process, methods=["GET", "POST"]
        )
        self.app.add_url_rule("/task/", "task", lambda: jsonify(status="PENDING"))
        self.app.add_url_rule("/favicon.ico", "favicon", lambda: ("", 204))
        self.url = ""
        self.reset()

    def reset(self):
        """Forget all pages and what was sent."""
        self._pages = []
        self.sent = []
        self.answer = self.start_task

    def start_task(self):
        """Answer as plugins do that have started a task."""
        return redirect("/task/", 303)

    def fail(self, status, body, mimetype="application/json"):
        """Answer with an error from now on."""
        self.answer = lambda: Response(body, status, mimetype=mimetype)

    def add_form(self, script="", **fields):
        """Add a page with a form of these fields, and a script of the plugin after it."""
        source = (
            "{% extends 'simple_template.html' %}"
            f"{{% block script %}}<script>{script}</script>{{% endblock %}}"
        )
        schema = schema_of(**fields)

        def render(values):
            return render_template_string(
                source,
                name="frame",
                schema=schema,
                values=values,
                errors=schema.validate(values) if values else {},
                process="/process/",
            )

        return self._add(render)

    def add_old(self, body, doctype="<!doctype html>"):
        """Add a page with a template of its own, and return its URL."""
        return self._add(lambda values: doctype + OLD_PAGE % body)

    def _add(self, render):
        self._pages.append(render)
        return f"{self.url}/page/{len(self._pages) - 1}/"

    def _page(self, number):
        values = request.form if request.method == "POST" else request.args
        return self._pages[number](values=values)

    def _process(self):
        self.sent.append(
            {
                "method": request.method,
                "texts": request.form.to_dict(flat=False),
                "files": {key: each.filename for key, each in request.files.items()},
                "query": request.args.to_dict(flat=False),
            }
        )
        return self.answer()
