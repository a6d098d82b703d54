"""What the Flask class of the runner does for all requests."""

from flask import url_for
from jinja2 import DictLoader

from qhana_plugin_runner.util.flask_app import Head, RunnerFlask


def test_headers_of_an_answer_are_found_whatever_their_case():
    headers = [("vary", "Accept"), ("X-A", "1"), ("x-a", "2")]
    head = Head("304 NOT MODIFIED", headers)
    head.vary("Origin")
    head.vary("accept")
    head.set("x-A", "3")
    head.setdefault("X-a", "4")
    assert head.status == 304
    assert head.to_wsgi_list() == [("Vary", "Accept, Origin"), ("x-A", "3")]
    assert (head.get("X-A"), head.get("X-B", ""), "X-B" in head) == ("3", "", False)


def test_globals_of_one_template_are_not_those_of_others():
    app = RunnerFlask(__name__)
    app.jinja_env.loader = DictLoader({"a": "{{ x }}{{ y }}", "b": "{{ x }}{{ y }}"})

    def render(name, **own):
        return app.jinja_env.get_template(name, globals=own).render()

    assert render("a") == ""
    assert render("a", x=1) == "1"
    app.jinja_env.globals.update(x=2, y=3)
    assert (render("a"), render("b"), render("b", y=4)) == ("13", "23", "24")


def test_remembered_urls_are_those_of_the_host_and_the_value():
    app = RunnerFlask(__name__)
    app.add_url_rule("/things/<thing>/", "thing")

    def urls(host):
        with app.test_request_context(base_url=f"http://{host}/"):
            values = (1, True, "1", "1")
            found = [url_for("thing", thing=value, _external=True) for value in values]
            return [*found, url_for("thing", thing=1)]

    for host in ("a.example", "b.example:81"):
        one, true = f"http://{host}/things/1/", f"http://{host}/things/True/"
        assert urls(host) == [one, true, one, one, "/things/1/"]
