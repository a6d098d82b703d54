"""Endpoints of the runner by their names, and the URLs of plugins: prefixed, percent-encoded."""

from urllib.parse import quote, urlsplit

import pytest
from helpers.html_tree import read_html
from helpers.plugins import problems

from qhana_plugin_runner.storage import STORE

SOURCE = """
    from http import HTTPStatus

    import marshmallow as ma
    from flask import Flask, redirect, render_template, request, url_for
    from flask.views import MethodView

    from qhana_plugin_runner.api.plugin_schemas import (
        EntryPoint,
        PluginMetadata,
        PluginMetadataSchema,
        PluginType,
    )
    from qhana_plugin_runner.api.util import FrontendFormBaseSchema, SecurityBlueprint
    from qhana_plugin_runner.db.models.tasks import ProcessingTask, TaskFile
    from qhana_plugin_runner.util.plugins import QHAnaPluginBase, plugin_identifier

    _plugin_name = "a name"
    __version__ = "v1.0.0"
    _identifier = plugin_identifier(_plugin_name, __version__)

    KNOWN_BLP = SecurityBlueprint(
        _identifier, __name__, description="A plugin in the style of known ones."
    )


    class Known(QHAnaPluginBase):
        name = _plugin_name
        version = __version__
        description = "A plugin in the style of known ones."
        tags = []

        def __init__(self, app: Flask | None) -> None:
            super().__init__(app)

        def get_api_blueprint(self):
            return KNOWN_BLP

        def get_requirements(self) -> str:
            return ""


    class InputParametersSchema(FrontendFormBaseSchema):
        input_str = ma.fields.String(
            required=True, allow_none=False, metadata={"label": "Input"}
        )


    @KNOWN_BLP.route("/")
    class PluginsView(MethodView):
        @KNOWN_BLP.response(HTTPStatus.OK, PluginMetadataSchema())
        @KNOWN_BLP.require_jwt("jwt", optional=True)
        def get(self):
            return PluginMetadata(
                title=Known.instance.name,
                description=Known.instance.description,
                name=Known.instance.name,
                version=Known.instance.version,
                type=PluginType.processing,
                entry_point=EntryPoint(
                    href=url_for(f"{KNOWN_BLP.name}.ProcessView"),
                    ui_href=url_for(f"{KNOWN_BLP.name}.MicroFrontend"),
                ),
                tags=Known.instance.tags,
            )


    @KNOWN_BLP.route("/ui/")
    class MicroFrontend(MethodView):
        @KNOWN_BLP.html_response(HTTPStatus.OK, description="Micro frontend.")
        @KNOWN_BLP.arguments(
            InputParametersSchema(partial=True, unknown=ma.EXCLUDE, validate_errors_as_result=True),
            location="query",
            required=False,
        )
        @KNOWN_BLP.require_jwt("jwt", optional=True)
        def get(self, errors):
            return render_template(
                "simple_template.html",
                name=Known.instance.name,
                version=Known.instance.version,
                schema=InputParametersSchema(),
                values=request.args,
                errors=errors,
                process=url_for(f"{KNOWN_BLP.name}.ProcessView"),
            )


    @KNOWN_BLP.route("/process/")
    class ProcessView(MethodView):
        @KNOWN_BLP.arguments(InputParametersSchema(unknown=ma.EXCLUDE), location="form")
        @KNOWN_BLP.response(HTTPStatus.SEE_OTHER)
        @KNOWN_BLP.require_jwt("jwt", optional=True)
        def post(self, arguments):
            db_task = ProcessingTask(task_name="a task", parameters="{}")
            db_task.save(commit=True)
            return redirect(
                url_for("tasks-api.TaskView", task_id=str(db_task.id)), HTTPStatus.SEE_OTHER
            )


    @KNOWN_BLP.route("/urls/")
    def urls():
        file = TaskFile.get_by_id(1)
        return {
            "root": url_for("api-root.RootView", _external=True),
            "plugins": url_for("plugins-api.PluginsView", _external=True),
            "plugin": url_for(
                "plugins-api.PluginView", plugin=Known.instance.identifier, _external=True
            ),
            "task": url_for("tasks-api.TaskView", task_id=str(1), _external=True),
            "file": url_for(
                "files-api.FileView",
                file_id=str(file.id),
                **{"file-id": file.security_tag},
                _external=True,
            ),
        }
"""


def serve(plugins, name="known", **settings):
    plugins.write("known.py", SOURCE.replace('"a name"', repr(name)))
    settings["FILE_STORE_ROOT_PATH"] = str(plugins.root / "files")
    return plugins.client(**settings)


def mounted_path(name, prefix=""):
    return f"{prefix}/plugins/{name}@v1-0-0/"


PREFIXES = {"": "", "/api": "/api", "deep/er/": "/deep/er"}


@pytest.mark.parametrize("setting", PREFIXES, ids=["none", "plain", "deep"])
def test_endpoints_are_built_by_their_names_and_variables(plugins, setting):
    prefix = PREFIXES[setting]
    client = serve(plugins, OPENAPI_URL_PREFIX=setting)
    root = mounted_path("known", prefix)
    answer = client.post(f"{root}process/", data={"inputStr": "x"})
    assert (answer.status_code, answer.location) == (303, f"{prefix}/tasks/1/")
    with client.application.app_context():
        STORE.persist_task_result(
            1, "content", "a.txt", "custom", "text/plain", commit=True
        )

    urls = client.get(f"{root}urls/").json

    base = f"http://localhost{prefix}"
    assert urls.pop("file").startswith(f"{base}/files/1/?file-id=")
    assert urls == {
        "root": f"{base}/",
        "plugins": f"{base}/plugins/",
        "plugin": f"{base}/plugins/known@v1-0-0/",
        "task": f"{base}/tasks/1/",
    }
    for url in client.get(f"{root}urls/").json.values():
        with client.get(url) as answer:
            assert answer.status_code == 200, url


@pytest.mark.parametrize("setting", ["/api", "deep/er/"])
def test_a_prefix_is_before_all_resources_of_runner_and_plugins(plugins, setting):
    prefix = PREFIXES[setting]
    client = serve(plugins, OPENAPI_URL_PREFIX=setting, DEBUG=True)
    root = mounted_path("known", prefix)
    for path in ("/plugins/", "/tasks/", "/tasks/1/", mounted_path("known")):
        assert client.get(path).status_code == 404, path

    (entry,) = client.get(f"{prefix}/plugins/").json["plugins"]
    assert entry["apiRoot"] == f"http://localhost{root}"
    assert (
        client.get(f"{prefix}/plugins/known/?a=b").location
        == f"http://localhost{root}?a=b"
    )
    client.post(f"{root}process/", data={"inputStr": "x"})
    status = client.get(f"{prefix}/tasks/1/").json
    assert status["plugin"] == "known@v1-0-0"
    assert status["links"][0]["href"] == f"http://localhost{prefix}/tasks/1/"
    paths = client.get(f"{prefix}/api-spec.json").json["paths"]
    assert {f"{prefix}/", f"{prefix}/tasks/", f"{root}process/"} <= paths.keys()
    assert client.get(f"{prefix}/redoc/").status_code == 200
    assert client.get("/").json == client.get(f"{prefix}/").json
    assert "known" in client.get("/", headers={"Accept": "text/html"}).text


@pytest.mark.parametrize("setting", ["", "/api"])
def test_the_workbench_finds_plugins_below_a_prefix(plugins, setting):
    client = serve(plugins, OPENAPI_URL_PREFIX=setting)
    root = mounted_path("known", setting)
    page = read_html(client.get("/workbench/plugins/known@v1-0-0/").text)
    frame = page.one("iframe", class_="micro-frontend")
    assert frame["data-src"] == f"http://localhost{root}ui/"
    assert frame["data-tasks"] == f"{setting}/tasks/"
    found = client.get(f"/workbench/plugin-facts?url=http://other.host/below{root}")
    assert found.json["pluginName"] == "known"


NAMES = {
    "spaces": "Clustered Scatter Plot",
    "letters": "Zählung von 数据",
    "reserved": "100% of a?b#c;d&e+f=g",
    "odd": "[x] (y) 'z' \"q\" \\ | ^ ~ `",
    "encoded": "a%20b",
    "space around": " x ",
}


@pytest.mark.parametrize("kind", NAMES)
def test_plugins_with_odd_names_are_listed_found_and_used(plugins, kind):
    name = NAMES[kind]
    client = serve(plugins, name)
    assert problems(client.application) == []
    identifier = f"{name}@v1-0-0"

    (entry,) = client.get("/plugins/").json["plugins"]
    url = entry["apiRoot"]
    assert (entry["name"], entry["identifier"]) == (name, identifier)
    # RFC 3986 is all that a URL may hold.
    assert quote(url, safe=":/?#[]@!$&'()*+,;=%") == url
    assert client.get(url).json["name"] == name
    assert client.get(f"/plugins/{quote(name)}/").location == url

    page = client.get("/", headers={"Accept": "text/html"})
    card = read_html(page.text).one("section", aria_labelledby="plugins").one("li")
    link = card.one("h4").one("a")["href"]
    page = read_html(client.get(link).text)
    assert page.all(class_="card-problem") == []
    form_url = page.one("iframe", class_="micro-frontend")["data-src"]
    form = read_html(client.get(form_url).text)
    targets = {each.get("formaction") for each in form.all("button")}
    process = urlsplit(url).path + "process/"
    assert process in targets | {form.one("form").get("action")}
    answer = client.post(process, data={"inputStr": "x"})
    assert answer.status_code == 303
    assert client.get(answer.location).json["plugin"] == identifier

    for spelled in (
        url,
        url.replace("@", "%40"),
        f"/plugins/{quote(identifier, safe='')}/",
    ):
        found = client.get("/workbench/plugin-facts", query_string={"url": spelled})
        assert found.json["pluginName"] == name


@pytest.mark.parametrize("name", ["Count Words / ä", "a<b>", "two\nlines"])
def test_a_name_that_no_url_can_hold_is_named_with_the_reason(plugins, name):
    client = serve(plugins, name)
    assert client.get("/plugins/").json["plugins"] == []
    (failure,) = problems(client.application)
    assert "cannot be part of its URL" in failure.error
    page = read_html(client.get("/", headers={"Accept": "text/html"}).text)
    shown = page.one("section", aria_labelledby="failures").words
    assert " ".join(name.split()) in shown
