"""Options for the execution of quantum circuits."""

from typing import Any

from qhana_plugin_runner.plugin_utils.entity_marshalling import ensure_dict, load_entities
from qhana_plugin_runner.requests import get_mimetype, open_url

__all__ = ["parse_execution_options"]


def parse_execution_options(url: str | None) -> dict[str, Any]:
    """Fetch options that travel as the first entity of a file.

    >>> parse_execution_options('data:application/json,{"shots": 1024}')
    {'shots': 1024}

    Args:
        url: where the options are: an entity file in any format.  Without a URL there are
            no options.

    Returns:
        the options as they are in the file: from CSV all values are text.

    Raises:
        qhana_plugin_runner.plugin_utils.entity_marshalling.EntityError: the file is no
            entity file, or it is broken.
        requests.exceptions.RequestException: the URL cannot be opened.
    """
    if not url:
        return {}
    with open_url(url, stream=True) as response:
        entities = ensure_dict(load_entities(response, get_mimetype(response)))
        return next(entities, {})
