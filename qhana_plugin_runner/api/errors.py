"""Error responses: JSON with ``code``, ``status`` and a reason, never a stack trace."""

from logging import ERROR, WARNING
from typing import Any

import marshmallow as ma
from flask import Flask, Response, current_app, jsonify, make_response, request
from flask_babel import gettext as _
from kombu.exceptions import OperationalError as BrokerError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from requests.exceptions import ContentDecodingError, RequestException
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import HTTP_STATUS_CODES

from ..db import DB
from ..db.transient import is_not_migrated, is_transient
from ..errors import RunnerError
from ..requests import FetchRefused
from ..tasking.errors import BrokerUnavailable
from ..tasking.publishing import fail_unsent
from ..util.library_texts import translate_known, translate_messages
from ..util.request_id import request_id


def error_payload(payload: dict[str, Any], error: Any) -> dict[str, Any]:
    """Complete flask-smorest's answer: there is always a ``message`` or ``errors``.

    Messages of libraries are translated; the ``status`` is for programs. An error of the server
    has the id of the request, by which the operator finds it in the logs.
    """
    if payload["code"] >= 500:
        payload["requestId"] = request_id()
    if "message" not in payload and "errors" not in payload:
        is_limit = error.description == RequestEntityTooLarge.description
        reason = _exceeded_limits() if is_limit else error.description
        payload["message"] = reason or payload["status"]
    for key in ("message", "errors"):
        if key in payload:
            payload[key] = translate_messages(payload[key])
    return payload


_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


def _exceeded_limits() -> str:
    """Name the settings that limit a body; the parser of forms does not tell which it was."""
    config = current_app.config
    most = config["MAX_CONTENT_LENGTH"]
    is_form = request.mimetype in _FORMS
    if request.is_json and (most is None or config["MAX_JSON_SIZE"] < most):
        reason = _(
            "The JSON exceeds %(most)s bytes (MAX_JSON_SIZE).",
            most=config["MAX_JSON_SIZE"],
        )
    elif most is not None and (not is_form or (request.content_length or 0) > most):
        reason = _(
            "The request body exceeds %(most)s bytes (MAX_CONTENT_LENGTH).", most=most
        )
    else:
        reason = _(
            "The form is too large. It can have up to %(parts)s values and files "
            "(MAX_FORM_PARTS), and text of up to %(size)s bytes (MAX_FORM_MEMORY_SIZE).",
            parts=config["MAX_FORM_PARTS"],
            size=config["MAX_FORM_MEMORY_SIZE"],
        )
    return str(reason)


def error_response(code: int, message: str) -> Response:
    """Make a response with an error; known messages of libraries are translated."""
    payload = {"code": code, "status": HTTP_STATUS_CODES.get(code, "Error")}
    payload["message"] = translate_known(message)
    if code >= 500:
        payload["requestId"] = request_id()
    return make_response(jsonify(payload), code)


def register_error_handlers(app: Flask) -> None:
    """Register a JSON response for each exception that is not an HTTP error."""

    @app.errorhandler(BrokerUnavailable)
    def broker_unavailable(error: BrokerUnavailable) -> Response:
        app.logger.error("%s", error)
        fail_unsent(error)
        return error_response(error.http_status, str(error))

    @app.errorhandler(RedisConnectionError)
    @app.errorhandler(RedisTimeoutError)
    @app.errorhandler(BrokerError)
    def broker_error(error: Exception) -> Response:
        app.logger.error("the message broker cannot be reached: %s", error)
        return error_response(
            503, _("The message broker is unavailable. Try again later.")
        )

    @app.errorhandler(RunnerError)
    def runner_error(error: RunnerError) -> Response:
        is_own = error.http_status >= 500
        app.logger.log(ERROR if is_own else WARNING, "%s", error, exc_info=is_own)
        response = error_response(error.http_status, str(error))
        if error.retry_after is not None:
            response.headers["Retry-After"] = str(error.retry_after)
        return response

    # Readers of a body make the second of a limit that is exceeded.
    @app.errorhandler(FetchRefused)
    @app.errorhandler(ContentDecodingError)
    def fetch_refused(error: RequestException) -> Response:
        return error_response(422, str(error))

    @app.errorhandler(DBAPIError)
    def database_error(error: DBAPIError) -> Response:
        DB.session.rollback()
        app.logger.error("a database statement failed", exc_info=error)
        if is_not_migrated(error):
            reason = _("The database schema is out of date: run `flask db upgrade`.")
            return error_response(503, reason)
        if is_transient(error):
            return error_response(503, _("The database is unavailable. Try again later."))
        return error_response(500, _("The database query failed."))

    @app.errorhandler(ma.ValidationError)
    def validation_error(error: ma.ValidationError) -> Response:
        errors = translate_messages(
            error.normalized_messages()  # type: ignore[no-untyped-call]
        )
        answer = jsonify(code=422, status="Unprocessable Entity", errors=errors)
        return make_response(answer, 422)
