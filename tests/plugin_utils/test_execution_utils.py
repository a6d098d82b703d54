"""Options for the execution of circuits."""

import pytest

from qhana_plugin_runner.plugin_utils.entity_marshalling import EntityError
from qhana_plugin_runner.plugin_utils.execution_utils import parse_execution_options


@pytest.mark.parametrize(
    "mimetype, body, options",
    [
        ("application/json", b'{"shots": 1024}', {"shots": 1024}),
        ("application/json", b'[{"ID": "a", "shots": 5}, {}]', {"ID": "a", "shots": 5}),
        ("application/X-lines+json", b'{"shots": 5}\n', {"shots": 5}),
        ("text/csv", b"ID,shots\na,5\n", {"ID": "a", "shots": "5"}),
        ("text/csv", b"", {}),
    ],
)
def test_options_are_the_first_entity(site, mimetype, body, options):
    url = site.put("/options", body, Content_Type=mimetype)
    assert parse_execution_options(url) == options


def test_the_format_is_guessed_from_the_url(site):
    assert parse_execution_options(site.put("/o.json", b'{"shots": 1}')) == {"shots": 1}


@pytest.mark.parametrize("url", [None, ""])
def test_without_a_url_there_are_no_options(url):
    assert parse_execution_options(url) == {}


def test_a_file_of_another_kind_is_an_error(site):
    with pytest.raises(EntityError, match="'image/png'"):
        parse_execution_options(site.put("/o", b"", Content_Type="image/png"))
