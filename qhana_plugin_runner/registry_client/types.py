"""Resources of the plugin registry and the links between them."""

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
    """The keys of all links.

    ``rel`` is the relation of the target to the resource (``collection``, ``next``, ...) and how
    to use it (``post``, ...); ``resourceType`` is the type of the target.
    """

    href: str
    rel: list[str]
    resourceType: str
    name: NotRequired[str]
    doc: NotRequired[str]
    schema: NotRequired[str]


class ApiLink(ApiLinkBase):
    """A link that can be followed."""

    resourceKey: NotRequired[dict[str, str]]


class KeyedApiLink(ApiLinkBase):
    """A link with placeholders in its URL: ``key`` in the path, ``queryKey`` in the query."""

    key: list[str]
    queryKey: NotRequired[list[str]]


class BaseApiObject(TypedDict):
    """The keys of all resources: a link to themselves."""

    self: ApiLink


class ApiObject(BaseApiObject, total=False):
    """A resource, which may have more keys.

    ``items`` are links to the resources in a collection.
    """

    items: list[ApiLink]


def as_rels(rel: str | Sequence[str]) -> Sequence[str]:
    """Return one rel or several as a sequence."""
    return (rel,) if isinstance(rel, str) else rel


def match_api_link(
    link: ApiLinkBase | Mapping[str, Any],
    rel: str | Sequence[str],
    resource_type: str | None = None,
) -> bool:
    """Return whether a link has all the wanted rels.

    >>> link = {"href": "/plugins/", "rel": ["collection"], "resourceType": "plugin"}
    >>> match_api_link(link, ["plugin", "collection"]), match_api_link(link, "api")
    (True, False)

    Args:
        link: any link.
        rel: one rel or several; each must be among the link's rels or be its resource type.
        resource_type: the type that the link's target must have in addition.
    """
    own_type = link.get("resourceType")
    if resource_type is not None and own_type != resource_type:
        return False
    own_rels = link.get("rel") or ()
    return all(wanted == own_type or wanted in own_rels for wanted in as_rels(rel))


@dataclass
class ApiResponse:
    """A response of the registry.

    Attributes:
        data: the resource itself.
        links: the links of the resource.
        keyed_links: links with placeholders for keys.
        embedded: responses for some of the linked resources, by ``href``, which need not be
            fetched; ``None`` when there are none.
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
        """Return whether the resource has all the wanted rels.

        Args:
            rel: one rel or several, as in :func:`match_api_link`.
            resource_type: the type that the resource must have in addition.
        """
        return match_api_link(self.data["self"], rel, resource_type)

    def is_collection_resource(self) -> bool:
        """Return whether the resource is a collection or a page of one."""
        return self.matches_rel("collection") or self.matches_rel("page")

    def get_links_by_rel(
        self, rel: str | Sequence[str], resource_type: str | None = None
    ) -> list[ApiLink]:
        """Return the links with all the wanted rels, without the items of a collection.

        Args:
            rel: one rel or several, as in :func:`match_api_link`.
            resource_type: the type that the targets must have in addition.
        """
        return [link for link in self.links if match_api_link(link, rel, resource_type)]

    def get_embedded(self, link: ApiLinkBase) -> "ApiResponse | None":
        """Return the embedded response for a link, or ``None``."""
        return (self.embedded or {}).get(link["href"])

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> "ApiResponse":
        """Parse a JSON document of the registry.

        Raises:
            ValueError: the document is not a response; the text has the reason.
        """
        data = document.get("data")
        if not isinstance(data, Mapping):
            raise ValueError("it has no 'data'")
        # An embedded resource without links may come without the wrapper.
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
