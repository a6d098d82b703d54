"""The API object: one OpenAPI document per app, generated on first request."""

import copy
import logging
import threading
from typing import Any

from flask import Blueprint, Flask, json, request
from flask_babel import force_locale
from flask_smorest import Api
from flask_smorest.spec import openapi_cli
from werkzeug import Response

from ..forms.json_schema import OPENAPI_VERSION, SchemaPlugin, UniqueNames, as_json
from ..plugins.loading import LoadedPlugins, file_of_module
from .answers import CachedAnswer
from .errors import error_payload
from .jwt import SECURITY_SCHEMES, document_roles

_logger = logging.getLogger(__name__)


def api_path(app: Flask, path: str) -> str:
    """Return the path of a resource of the API, which is below ``OPENAPI_URL_PREFIX``."""
    prefix = (app.config["OPENAPI_URL_PREFIX"] or "").split("/")
    return "".join(f"/{part}" for part in prefix if part) + path


class RunnerApi(Api):
    """flask-smorest's API for several apps, tolerating plugins that cannot be documented.

    Documenting some hundred endpoints takes longer than everything else at start, and workers
    never need it: blueprints are mounted at once and documented on demand.
    """

    config_prefix: str
    flask_plugin: Any
    ma_plugin: Any

    def __init__(self, **kwargs: Any) -> None:
        self._spec: Any = None
        self._undocumented: list[tuple[Blueprint, str]] = []
        self._document_lock = threading.Lock()
        self._answers: dict[str, CachedAnswer] = {}
        self._schema_names = UniqueNames()
        super().__init__(**kwargs)

    def init_app(self, app: Flask, *, spec_kwargs: dict[str, Any] | None = None) -> None:
        """Serve this app.

        Each app gets a copy of this object, with its own document; this object shares all
        attributes with the copy of the newest app.
        """
        own = copy.copy(self)
        own._spec, own._undocumented, own._answers = None, [], {}
        own._schema_names = UniqueNames()
        own._document_lock = threading.Lock()
        Api.init_app(own, app, spec_kwargs=spec_kwargs)
        self.__dict__ = own.__dict__

    def _init_spec(self, **options: Any) -> None:
        """Wait with the document until it is asked for: it costs as much as the rest of an app."""
        self._app.cli.add_command(openapi_cli)
        self._spec_options = options

    def _begin_spec(self) -> None:
        aside = copy.copy(self)  # nothing is to be documented while the document is made
        aside._undocumented = []
        marshmallow = SchemaPlugin(self._schema_names.name)
        options = {"marshmallow_plugin": marshmallow, **self._spec_options}
        Api._init_spec(aside, **options)
        for name, scheme in SECURITY_SCHEMES.items():
            aside._spec.components.security_scheme(name, scheme)
        self.flask_plugin, self.ma_plugin = aside.flask_plugin, aside.ma_plugin
        self._spec = aside._spec

    @property
    def spec(self) -> Any:
        """The document, complete."""
        self.document()
        return self._spec

    @spec.setter
    def spec(self, value: Any) -> None:
        self._spec = value

    def register_blueprint(
        self, blp: Blueprint, *, parameters: list[Any] | None = None, **options: Any
    ) -> None:
        """Mount a blueprint now; its endpoints appear in the document when that is made."""
        name = options.get("name", blp.name)
        extension = self._app.extensions["flask-smorest"]
        own = extension["apis"][self.config_prefix]["ext_obj"]
        extension["blp_name_to_api"][name] = own
        self._app.register_blueprint(blp, **options)
        if hasattr(blp, "register_views_in_doc"):
            self._undocumented.append((blp, name))

    def document(self) -> None:
        """Document blueprints mounted since the last call; report and leave out those that fail."""
        if not self._app or (self._spec and not self._undocumented):
            return
        with self._document_lock, force_locale("en"):  # one document is for all clients
            if not self._spec:
                self._begin_spec()
            while self._undocumented:
                blueprint, name = self._undocumented[0]
                self._document_one(blueprint, name)
                document_roles(self._app, self._spec)
                self._answers = {}
                del self._undocumented[0]

    def _document_one(self, blueprint: Any, name: str) -> None:
        spec = self._spec
        refs = self.ma_plugin.converter.refs
        stores = (spec._paths, spec.components.schemas, refs, self._schema_names)
        before = [store.copy() for store in stores]
        tag = {"name": name, "description": blueprint.description}
        try:
            blueprint.register_views_in_doc(
                self, self._app, spec, name=name, parameters=None
            )
            left_out: list[str] = []
            for store, known in list(zip(stores, before))[:2]:
                for key in store.keys() - known.keys():
                    store[key] = as_json(store[key], key, left_out)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # schemas are foreign code, too
            for store, known in zip(stores, before):
                store.clear()
                store.update(known)
            registry: LoadedPlugins = self._app.extensions["qhana_plugins"]
            file = file_of_module(blueprint.import_name)
            registry.fail(registry.plugin_of(name) or name, file, "documentation", error)
        else:
            spec.tag(as_json(tag, name, left_out))
            if left_out:
                _logger.info(
                    "the OpenAPI document leaves out what JSON cannot hold: %s",
                    ", ".join(left_out),
                )

    def handle_http_exception(self, error: Any) -> Any:
        payload, code, headers = super().handle_http_exception(error)
        # What HTTP wants with some errors: Allow, Retry-After, WWW-Authenticate, ...
        own = {key: value for key, value in error.get_headers() if key != "Content-Type"}
        return error_payload(payload, error), code, {**own, **(headers or {})}

    def _openapi_json(self) -> Response:
        """Serve the document, with an ETag."""
        self.document()
        root = "" if "servers" in self._spec.options else request.script_root
        answer = self._answers.get(root)
        if answer is None:
            document = self._spec.to_dict()
            if root:
                # Without it, the paths of the document would begin at the root of the host.
                document = {"servers": [{"url": root}], **document}
            text = json.dumps(document, sort_keys=False)
            # Newest only: clients may send any prefix through a proxy.
            answer = CachedAnswer.of_text(text.encode())
            self._answers = {root: answer}
        return answer.response()

    def _register_redoc_rule(self, blueprint: Blueprint) -> None:
        """Register nothing: the runner has viewers of its own that load nothing from other hosts."""

    _register_swagger_ui_rule = _register_rapidoc_rule = _register_redoc_rule


ROOT_API = RunnerApi(
    spec_kwargs={
        "title": "QHAna Plugin Runner",
        "version": "v1",
        "openapi_version": OPENAPI_VERSION,
    }
)
