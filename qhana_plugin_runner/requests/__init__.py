"""Fetching the URLs that users hand to plugins."""

from .file_names import full_name, typed_as
from .outgoing import AS_RUNNER, is_led_to_token
from .policy import FetchRefused, allow_folder, register_requests
from .session import (
    REQUEST_SESSION,
    FetchSession,
    body_stream,
    display_url,
    get_mimetype,
    open_url,
    open_url_as_file_like,
    open_url_as_file_like_simple,
    retrieve_attribute_metadata_url,
    retrieve_data_type,
    retrieve_filename,
    rewrite_url,
)

__all__ = [
    "AS_RUNNER",
    "REQUEST_SESSION",
    "FetchRefused",
    "FetchSession",
    "allow_folder",
    "body_stream",
    "display_url",
    "full_name",
    "get_mimetype",
    "is_led_to_token",
    "open_url",
    "open_url_as_file_like",
    "open_url_as_file_like_simple",
    "register_requests",
    "retrieve_attribute_metadata_url",
    "retrieve_data_type",
    "retrieve_filename",
    "rewrite_url",
    "typed_as",
]
