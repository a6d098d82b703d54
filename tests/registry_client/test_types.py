"""Links and answers of the registry."""

import pytest

from qhana_plugin_runner.registry_client.types import ApiResponse, match_api_link

LINK = {"href": "/plugins/", "rel": ["collection", "page"], "resourceType": "plugin"}
ITEM = {"href": "/plugins/1/", "rel": [], "resourceType": "plugin"}


@pytest.mark.parametrize(
    ("rel", "resource_type", "matches"),
    [
        ("collection", None, True),
        ("plugin", None, True),
        (["collection", "plugin"], None, True),
        (("page", "post"), None, False),
        ("coll", None, False),
        ([], None, True),
        ("collection", "plugin", True),
        ("collection", "service", False),
    ],
)
def test_a_link_matches_when_it_has_all_rels(rel, resource_type, matches):
    assert match_api_link(LINK, rel, resource_type) is matches
    assert match_api_link(LINK, rel=rel, resource_type=resource_type) is matches


def test_a_link_without_rels_matches_by_its_type():
    assert match_api_link({"href": "/", "resourceType": "api"}, "api")


def test_a_response_knows_itself_and_its_links():
    response = ApiResponse(data={"self": LINK, "items": [ITEM]}, links=[ITEM, LINK])
    assert response.self == "/plugins/"
    assert response.matches_rel(["plugin", "collection"])
    assert not response.matches_rel("collection", resource_type="service")
    assert response.is_collection_resource()
    assert response.get_links_by_rel("collection") == [LINK]
    assert response.get_links_by_rel("plugin", resource_type="plugin") == [ITEM, LINK]
    assert response.get_links_by_rel("post") == []


def test_a_document_may_lack_all_but_data():
    response = ApiResponse.from_document({"data": {"self": ITEM}, "links": None})
    assert (response.links, response.keyed_links) == ([], [])
    assert response.embedded is None
    assert not response.is_collection_resource()


@pytest.mark.parametrize("rel", ["collection", "page"])
def test_a_page_counts_as_a_collection(rel):
    own = {"href": "/plugins/?page=2", "rel": [rel], "resourceType": "plugin"}
    assert ApiResponse(data={"self": own}, links=[]).is_collection_resource()


@pytest.mark.parametrize("wrapped", [True, False])
def test_embedded_resources_may_come_with_or_without_links(wrapped):
    data = {"self": ITEM, "name": "hello"}
    embedded = {"data": data, "links": [LINK]} if wrapped else data
    document = {"data": {"self": LINK}, "embedded": [embedded]}
    response = ApiResponse.from_document(document)
    assert response.embedded["/plugins/1/"].data == data
    assert response.get_embedded(ITEM).data["name"] == "hello"
    assert response.get_embedded(LINK) is None
