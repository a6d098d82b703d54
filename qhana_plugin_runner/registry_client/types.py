"""What the plugin registry sends: resources, and links between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

__all__ = [
    "ApiLink",
    "ApiLinkBase",
    "ApiObject",
    "ApiResponse",
    "BaseApiObject",
    "KeyedApiLink",
    "match_api_link",
]


class ApiLinkBase(TypedDict):
    """What all links have.

    ``rel`` says what the target is to the resource with the link (``collection``, ``next``,
    ...) and how to use it (``post``, ...); ``resourceType`` says what the target is.
    """

    href: str
    rel: list[str]
    resourceType: str
    name: NotRequired[str]
    doc: NotRequired[str]
    schema: NotRequired[str]


class ApiLink(ApiLinkBase):
    """A link that can be followed as it is."""

    resourceKey: NotRequired[dict[str, str]]


class KeyedApiLink(ApiLinkBase):
    """A link with places for keys in its URL: ``key`` in the path, ``queryKey`` in the query."""

    key: list[str]
    queryKey: NotRequired[list[str]]


class BaseApiObject(TypedDict):
    """What all resources have: a link to themselves."""

    self: ApiLink


class ApiObject(BaseApiObject, total=False):
    """A resource; those of the registry have more keys than the few named here.

    ``items`` are the resources in a collection.
    """

    items: list[ApiLink]


def _as_rels(rel: str | Sequence[str]) -> Sequence[str]:
    return (rel,) if isinstance(rel, str) else rel


def match_api_link(
    link: ApiLinkBase | Mapping[str, Any],
    rel: str | Sequence[str],
    resource_type: str | None = None,
) -> bool:
    """Tell whether a link has all the wanted rels.

    >>> link = {"href": "/plugins/", "rel": ["collection"], "resourceType": "plugin"}
    >>> match_api_link(link, ["plugin", "collection"]), match_api_link(link, "api")
    (True, False)

    Args:
        link: any link.
        rel: one rel or several; each must be among the link's rels or be its resource type.
        resource_type: the type that the link's target must have besides.
    """
    own_type = link.get("resourceType")
    if resource_type is not None and own_type != resource_type:
        return False
    own_rels = link.get("rel") or ()
    return all(wanted == own_type or wanted in own_rels for wanted in _as_rels(rel))


@dataclass
class ApiResponse:
    """An answer of the registry.

    Attributes:
        data: the resource itself.
        links: where to go from here.
        keyed_links: likewise, with keys to be filled in.
        embedded: answers for some of the linked resources, by their ``href``, which need not be
            fetched then; ``None`` when there are none.
    """

    data: ApiObject | dict[str, Any]
    links: Sequence[ApiLink]
    keyed_links: Sequence[KeyedApiLink] = ()
    embedded: "Mapping[str, ApiResponse] | None" = None

    @property
    def self(self) -> str:
        """The URL of the resource itself."""
        href: str = self.data["self"]["href"]
        return href

    def matches_rel(
        self, rel: str | Sequence[str], resource_type: str | None = None
    ) -> bool:
        """Tell whether the resource has all the wanted rels.

        Args:
            rel: one rel or several, as in :func:`match_api_link`.
            resource_type: the resource type that it must have besides.
        """
        return match_api_link(self.data["self"], rel, resource_type)

    def is_collection_resource(self) -> bool:
        """Tell whether the resource is a collection of others, or a page of one."""
        return self.matches_rel("collection") or self.matches_rel("page")

    def get_links_by_rel(
        self, rel: str | Sequence[str], resource_type: str | None = None
    ) -> list[ApiLink]:
        """Return the links with all the wanted rels; the items of a collection are no links.

        Args:
            rel: one rel or several, as in :func:`match_api_link`.
            resource_type: the resource type that the links must have besides.
        """
        return [link for link in self.links if match_api_link(link, rel, resource_type)]

    def get_embedded(self, link: ApiLinkBase) -> "ApiResponse | None":
        """Return the answer for a linked resource if it was sent along, or ``None``."""
        return (self.embedded or {}).get(link["href"])

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "ApiResponse":
        """Read an answer as it comes from the registry.

        Raises:
            ValueError: the document is no such answer; the text says what is missing.
        """
        data = document.get("data")
        if not isinstance(data, Mapping):
            raise ValueError("it has no 'data'")
        # a resource without links of its own may come without the wrapping
        embedded = (
            cls.from_document(each if "data" in each else {"data": each})
            for each in document.get("embedded") or ()
        )
        link = data.get("self")
        if not isinstance(link, Mapping) or not isinstance(link.get("href"), str):
            raise ValueError("its 'data' has no link 'self'")
        return cls(
            data=dict(data),
            links=document.get("links") or [],
            keyed_links=document.get("keyedLinks") or [],
            embedded={response.self: response for response in embedded} or None,
        )
