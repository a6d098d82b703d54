"""An app to render forms with."""

import pytest
from flask import render_template, render_template_string
from helpers.html_tree import read_html

from qhana_plugin_runner import create_app


@pytest.fixture(scope="session")
def app():
    return create_app({"TESTING": True})


@pytest.fixture
def render(app):
    """Render a template given as text and read the result."""

    def render(source, path="/", method="GET", **variables):
        with app.test_request_context(path, method=method):
            return read_html(render_template_string(source, **variables))

    return render


@pytest.fixture
def render_fields(render):
    """Render the fields of a schema as plugins do; further arguments go to the macro."""

    def render_fields(schema, path="/", method="GET", **arguments):
        return render(
            '{% import "forms.html" as forms %}'
            "{{ forms.render_fields(schema, **arguments) }}",
            path,
            method,
            schema=schema,
            arguments=arguments,
        )

    return render_fields


@pytest.fixture
def render_input(render_fields):
    """Render a form with one field and return its input."""

    def render_input(field, value=None, **arguments):
        from qhana_plugin_runner.api.util import FrontendFormBaseSchema

        schema = FrontendFormBaseSchema.from_dict({"the_field": field})()
        if value is not None:
            arguments["values"] = {"theField": value}
        return render_fields(schema, **arguments).one(class_="qhana-form-input")

    return render_input


@pytest.fixture
def render_page(app):
    """Render ``simple_template.html`` and read the result."""

    def render_page(**variables):
        with app.test_request_context():
            return read_html(render_template("simple_template.html", **variables))

    return render_page
