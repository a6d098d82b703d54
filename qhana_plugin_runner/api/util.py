"""The blueprint class of plugins and of the runner; re-exports schemas and URL fields."""

import http
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from functools import wraps
from typing import Any

from flask import current_app
from flask_jwt_extended import verify_jwt_in_request
from flask_smorest import Blueprint

from ..forms.fields import (
    DataUrlValidator,
    FileUrl,
    FileUrlValidator,
    PluginUrl,
    SecretField,
)
from ..forms.json_schema import merged
from ..forms.schemas import (
    FormValues,
    FrontendFormBaseSchema,
    MaBaseSchema,
    camelcase,
)

__all__ = [
    "DataUrlValidator",
    "FileUrl",
    "FileUrlValidator",
    "FormValues",
    "FrontendFormBaseSchema",
    "HtmlResponseMixin",
    "MaBaseSchema",
    "PluginUrl",
    "SecretField",
    "SecurityBlueprint",
    "camelcase",
]


class HtmlResponseMixin:
    """Documents views that return HTML, in a blueprint of flask-smorest."""

    def html_response(
        self,
        status_code: int | http.HTTPStatus,
        *,
        description: str | None = None,
        example: Any = None,
        examples: Mapping[str, Any] | None = None,
        headers: Mapping[str, Any] | None = None,
        success: bool = True,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Document that a view returns HTML; the status is up to the view.

        Args:
            status_code: of the answer that is documented.
            description: for the API documentation; the name of the status by default.
            example: an example of the text, for the API documentation.
            examples: several of them, by name, as in OpenAPI.
            headers: the headers of the answer by name, as in OpenAPI.
            success: whether the status is that of the normal flow.
        """
        decorator: Callable[..., Any] = self.alt_response(  # type: ignore[attr-defined]
            int(status_code),
            schema={"type": "string"},
            content_type="text/html",
            description=description,
            example=example,
            examples=examples,
            headers=headers,
            success=success,
        )
        return decorator


class SecurityBlueprint(Blueprint, HtmlResponseMixin):
    """A flask-smorest blueprint with decorators for tokens and HTML.

    The decorators may be stacked in any order::

        BLP = SecurityBlueprint("my-plugin@v1-0-0", __name__, description="...")

        @BLP.route("/ui/")
        class MicroFrontend(MethodView):
            @BLP.html_response(200, description="The form.")
            @BLP.arguments(FormSchema(partial=True), location="query")
            @BLP.require_jwt("jwt", optional=True)
            def get(self, values): ...
    """

    def require_jwt(
        self,
        scheme: str | Mapping[str, Sequence[str]],
        *,
        fresh: bool = False,
        optional: bool = False,
        refresh_token: bool = False,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Decorate a view that requires a token.

        Args:
            scheme: the name of the security scheme in the API documentation (``"jwt"``).
            fresh: accept only a token obtained by logging in.
            optional: accept requests without a token; a token that is sent must be valid.
            refresh_token: require the refresh token instead of the access token.
        """
        security = [{scheme: []} if isinstance(scheme, str) else dict(scheme)]

        def decorator(func: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(func)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                verify_jwt_in_request(
                    fresh=fresh, refresh=refresh_token, optional=optional
                )
                return current_app.ensure_sync(func)(*args, **kwargs)

            apidoc = wrapper._apidoc = deepcopy(getattr(func, "_apidoc", {}))  # type: ignore
            documented = [*security, {}] if optional else security
            apidoc.setdefault("manual_doc", {}).setdefault("security", []).extend(
                documented
            )
            return wrapper

        return decorator

    def _prepare_arguments_doc(
        self, doc: dict[str, Any], doc_info: dict[str, Any], **kwargs: Any
    ) -> dict[str, Any]:
        """Document a form and its files as one body: OpenAPI 3 allows only one."""
        parameters = doc_info.get("arguments", {}).get("parameters", [])
        bodies = [
            parameter
            for parameter in parameters
            if isinstance(parameter, Mapping)
            and parameter["in"] in self.DEFAULT_LOCATION_CONTENT_TYPE_MAPPING
        ]
        if len(bodies) > 1:
            for body in bodies:
                parameters.remove(body)
            schema = merged([body["schema"] for body in bodies])
            parameters.append({"in": "files", "required": True, "schema": schema})
        return super()._prepare_arguments_doc(doc, doc_info, **kwargs)
