"""The part of flask-smorest that the runner uses."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

import flask

F = TypeVar("F")

def abort(http_status_code: int, exc: Exception | None = None, **kwargs: Any) -> NoReturn: ...

class Api:
    config: Any
    spec: Any
    _app: flask.Flask
    def __init__(
        self,
        app: flask.Flask | None = None,
        *,
        spec_kwargs: dict[str, Any] | None = None,
        config_prefix: str = "",
    ) -> None: ...
    def init_app(
        self, app: flask.Flask, *, spec_kwargs: dict[str, Any] | None = None
    ) -> None: ...
    def _init_spec(self, **options: Any) -> None: ...
    def register_blueprint(
        self, blp: flask.Blueprint, *, parameters: list[Any] | None = None, **options: Any
    ) -> None: ...
    def handle_http_exception(
        self, error: Any
    ) -> tuple[dict[str, Any], int, dict[str, str]]: ...

class Blueprint(flask.Blueprint):
    description: str
    _docs: dict[str, Any]
    def __init__(self, *args: Any, description: str = "", **kwargs: Any) -> None: ...
    def route(self, rule: str, **options: Any) -> Callable[[F], F]: ...
    def arguments(
        self, schema: Any, *, location: str = "json", **kwargs: Any
    ) -> Callable[[F], F]: ...
    def response(
        self,
        status_code: int,
        schema: Any = None,
        *,
        content_type: str | None = None,
        description: str | None = None,
        example: Any = None,
        examples: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
    ) -> Callable[[F], F]: ...
    def alt_response(
        self,
        status_code: int,
        response: str | None = None,
        *,
        schema: Any = None,
        content_type: str | None = None,
        description: str | None = None,
        success: bool = False,
    ) -> Callable[[F], F]: ...
    @staticmethod
    def doc(**kwargs: Any) -> Callable[[F], F]: ...
    def register_views_in_doc(
        self,
        api: Api,
        app: flask.Flask,
        spec: Any,
        *,
        name: str,
        parameters: list[Any] | None,
    ) -> None: ...
    DEFAULT_LOCATION_CONTENT_TYPE_MAPPING: dict[str, str]
    def _prepare_arguments_doc(
        self, doc: dict[str, Any], doc_info: dict[str, Any], **kwargs: Any
    ) -> dict[str, Any]: ...
