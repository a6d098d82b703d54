"""Buttons that choose files and plugins."""

import pytest
from helpers.forms import schema_of

from qhana_plugin_runner.api.util import FileUrl, PluginUrl


def test_a_file_url_can_be_chosen_and_previewed(render_fields):
    field = FileUrl(
        data_input_type="entity/list", data_content_types=["application/json", "text/csv"]
    )
    form = render_fields(schema_of(entity_url=field))

    assert form.one("input")["data-input-type"] == "data"
    choose = form.one("button", class_="qhana-choose-file-button")
    assert choose["data-input-id"] == "entity_url"
    assert choose["data-input"] == "entity/list"
    assert choose["data-content-type"] == "application/json text/csv"
    assert (
        form.one("button", "qhana-show-preview-button")["data-input-id"] == "entity_url"
    )
    hint = form.one(class_="selected-file-hint")
    assert hint.one(class_="selected-file-name")["data-input-id"] == "entity_url"
    for hidden in (*form.all("button"), hint):
        assert "hidden" in hidden
    assert {each["type"] for each in form.all("button")} == {"button"}


def test_a_file_url_without_types_takes_any(render_fields):
    choose = render_fields(schema_of(url=FileUrl())).one(
        "button", "qhana-choose-file-button"
    )

    assert choose["data-input"] == "*"
    assert choose["data-content-type"] == "*"


@pytest.mark.parametrize("related_to", ["entity_url", "entityUrl"])
def test_a_related_file_is_named_by_the_id_of_the_other_input(render_fields, related_to):
    form = render_fields(
        schema_of(
            entity_url=FileUrl(),
            attributes=FileUrl(
                metadata={
                    "related_to": related_to,
                    "relation": "pre",
                    "related_include_self": True,
                }
            ),
        )
    )
    related = form.one("button", class_="related")

    assert "qhana-choose-file-button" in related.classes
    assert related["data-input-id"] == "attributes"
    assert related["data-related-input-id"] == "entity_url"
    assert related["data-relation"] == "pre"
    assert related["data-include-self"] == "true"


def test_a_plugin_url_can_be_chosen(render_fields):
    field = PluginUrl(plugin_tags=["a", "!b"], plugin_name="n", plugin_version=">=1")
    form = render_fields(schema_of(executor=field))
    choose = form.one("button")

    assert form.one("input")["data-input-type"] == "plugin"
    assert choose.classes == ["qhana-choose-plugin-button"]
    assert choose["data-input-id"] == "executor"
    assert choose["data-plugin-tags"] == "a !b"
    assert choose["data-plugin-name"] == "n"
    assert choose["data-plugin-version"] == ">=1"
    hint = form.one(class_="selected-plugin-hint")
    assert hint.one(class_="selected-plugin-name")["data-input-id"] == "executor"
    assert "hidden" in choose and "hidden" in hint
