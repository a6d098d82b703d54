"""Options for the execution of quantum circuits."""

from typing import Any

from qhana_plugin_runner.plugin_utils.entity_marshalling import ensure_dict, load_entities
from qhana_plugin_runner.requests import get_mimetype, open_url


def parse_execution_options(url: str | None) -> dict[str, Any]:
    """Fetch options from the first entity of a file.

    >>> parse_execution_options('data:application/json,{"shots": 1024}')
    {'shots': 1024}

    Args:
        url: the URL of an entity file in any format; without a URL there are no options.

    Returns:
        The options as in the file: all values from CSV are text.

    Raises:
        qhana_plugin_runner.plugin_utils.entity_marshalling.EntityError: the file is not an
            entity file, or it is damaged.
        requests.exceptions.RequestException: the URL cannot be opened.
    """
    if not url:
        return {}
    with open_url(url, stream=True) as response:
        entities = ensure_dict(load_entities(response, get_mimetype(response)))
        return next(entities, {})
