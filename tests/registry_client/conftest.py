"""A stand-in for the plugin registry that answers as the real one does, over HTTP."""

import json
import queue
from urllib.parse import parse_qs

import pytest
from flask import Flask
from helpers.site import serving
from werkzeug.wrappers import Request, Response

from qhana_plugin_runner.registry_client.client import PluginRegistryClient


class Registry:
    """Some plugins and services behind links, as WSGI app.

    Attributes:
        calls: ``(method, path, query)`` of each request so far, ``query`` as dict of lists.
        bodies: the bodies of the requests, in the same order.
        plugins: the names of the plugins.
        embeds: whether collections come with what is in them.
        page_size: how many plugins are on one page.
        broken: paths that are answered with this status.
        failures: how many requests are answered with 503 before the others.
        extra: answers to other paths, or in place of those below.
    """

    def __init__(self):
        self.url = ""
        self.calls = []
        self.bodies = []
        self.plugins = ["alpha", "beta", "gamma"]
        self.embeds = False
        self.page_size = 10
        self.broken = {}
        self.extra = {}
        self.failures = 0
        self._changes = queue.Queue()

    def __call__(self, environ, start_response):
        request = Request(environ)
        query = parse_qs(request.query_string.decode(), keep_blank_values=True)
        self.calls.append((request.method, request.path, query))
        self.bodies.append(request.get_data())
        if request.method != "GET":
            self._changes.put(self.calls[-1])
        return self.answer(request.method, request.path, query)(environ, start_response)

    def next_change(self):
        """Wait for the next request that is no GET."""
        return self._changes.get(timeout=60)

    def changed(self):
        """Return whether there was such a request that was not looked at."""
        return not self._changes.empty()

    def paths(self):
        return [path for _, path, _ in self.calls]

    def answer(self, method, path, query):
        if self.failures:
            self.failures -= 1
            return Response(status=503)
        if path in self.broken:
            return Response(status=self.broken[path])
        if path in self.extra:
            return self.extra[path]
        if method != "GET":
            return Response(status=204)
        if path == "/api/":
            document = self.api()
        elif path == "/api/plugins/":
            document = self.plugin_page(query)
        elif path.startswith("/api/plugins/"):
            document = self.plugin(path.split("/")[3])
        elif path == "/api/services/":
            document = self.services()
        elif path == "/api/more/":
            document = self.more()
        elif path == "/api/more/things/":
            document = self.things()
        else:
            return Response(status=404)
        return Response(json.dumps(document), mimetype="application/json")

    def link(self, path, rel, resource_type, **more):
        return {
            "href": self.url + path,
            "rel": rel,
            "resourceType": resource_type,
            **more,
        }

    def api(self):
        return {
            "data": {"self": self.link("/api/", ["api"], "api"), "title": "registry"},
            "links": [
                self.link("/api/more/", ["api"], "api"),
                self.link("/api/services/", ["collection"], "service"),
                self.link("/api/plugins/", ["collection"], "plugin"),
            ],
            "keyedLinks": [
                self.link("/api/plugins/{id}/", [], "plugin", key=["id"], queryKey=[])
            ],
        }

    def plugin(self, name):
        path = f"/api/plugins/{name}/"
        return {
            "data": {"self": self.link(path, [], "plugin"), "name": name},
            "links": [
                self.link("/api/plugins/", ["up", "collection"], "plugin"),
                self.link(path, ["delete"], "plugin"),
                self.link(f"/api/plugins/{name}/refresh/", ["put", "refresh"], "plugin"),
            ],
        }

    def plugin_page(self, query):
        names = [name for name in self.plugins if name in query.get("name", [name])]
        start = int(query.get("cursor", ["0"])[0])
        page = names[start : start + self.page_size]
        links = [
            self.link("/api/plugins/", ["post", "create"], "plugin"),
            self.link("/api/", ["up", "api"], "api"),
        ]
        if start + self.page_size < len(names):
            # The real one repeats the filters in its links.
            more = "".join(f"&name={name}" for name in query.get("name", []))
            path = f"/api/plugins/?cursor={start + self.page_size}{more}"
            links.append(self.link(path, ["collection", "page", "next"], "plugin"))
        document = {
            "data": {
                "self": self.link("/api/plugins/", ["collection"], "plugin"),
                "items": [
                    self.link(f"/api/plugins/{name}/", [], "plugin") for name in page
                ],
                "collectionSize": len(names),
            },
            "links": links,
        }
        if self.embeds:
            document["embedded"] = [self.plugin(name) for name in page]
        return document

    def services(self):
        return {
            "data": {
                "self": self.link("/api/services/", ["collection"], "service"),
                "items": [],
            },
            "links": [self.link("/api/", ["up", "api"], "api")],
        }

    def more(self):
        return {
            "data": {"self": self.link("/api/more/", ["api"], "api")},
            "links": [
                self.link("/api/", ["up", "api"], "api"),
                self.link("/api/more/things/", ["collection"], "thing"),
                self.link("/api/more/first/", ["post", "job", "collection"], "job"),
                self.link("/api/more/second/", ["post", "job"], "job"),
            ],
        }

    def things(self):
        return {
            "data": {"self": self.link("/api/more/things/", ["collection"], "thing")},
            "links": [],
        }


@pytest.fixture
def registry():
    registry = Registry()
    with serving(registry) as registry.url:
        yield registry


@pytest.fixture
def client(registry):
    app = Flask("test")
    app.config["PLUGIN_REGISTRY_URL"] = f"{registry.url}/api/"
    return PluginRegistryClient(app, timeout=30)
