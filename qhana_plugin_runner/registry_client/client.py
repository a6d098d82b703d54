"""A hypermedia client of the plugin registry, which follows links by their rels."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from copy import deepcopy
from time import monotonic
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from flask import Flask, current_app, has_app_context
from requests import Response

from ..errors import RunnerError
from ..requests import REQUEST_SESSION, display_url, rewrite_url
from .types import ApiLink, ApiLinkBase, ApiResponse, as_rels, match_api_link

__all__ = ["PluginRegistryClient", "RegistryAnswerError", "RegistryNotConfigured"]

DEFAULT_TIMEOUT = 10.0
"""Seconds to wait for the registry."""

API_LIFETIME = 24 * 60 * 60.0
"""Seconds for which resources with the rel ``api`` are cached: only a new version of the
registry changes them."""

METHODS = {"post": "POST", "put": "PUT", "delete": "DELETE"}
"""Rels that name the method of a link."""

QueryParams = Mapping[str, Any]
Rel = str | Sequence[str]


class RegistryNotConfigured(RunnerError, ValueError):
    """No plugin registry is configured."""

    http_status = 503


class RegistryAnswerError(RunnerError, ValueError):
    """The registry gave an invalid answer, which the text names."""

    http_status = 502


_blocks: ContextVar[tuple[dict[str, ApiResponse], ...]] = ContextVar(
    "registry_client_blocks", default=()
)
"""For each open ``with`` block the responses fetched in the outermost, by URL; each thread has its
own blocks."""


class _Search(NamedTuple):
    """The arguments of a search; see :meth:`PluginRegistryClient.search_by_rel`."""

    rels: Sequence[str]
    query_params: QueryParams | None
    body: bytes | str | None
    json: Any
    allow_collections: bool

    @property
    def method(self) -> str:
        """The method with which matching links are called."""
        return _method(self.rels)

    def allows(self, resource: ApiResponse) -> bool:
        """Return whether a resource with the wanted rels may be the result."""
        return self.allow_collections or not resource.is_collection_resource()

    def matches(self, resource: ApiResponse) -> bool:
        """Return whether a resource itself is a result."""
        is_get = self.method == "GET"
        return is_get and resource.matches_rel(self.rels) and self.allows(resource)


class PluginRegistryClient(AbstractContextManager["PluginRegistryClient"]):
    """A client of the plugin registry, which starts at one URL and follows links.

    In a ``with`` block every URL is fetched at most once. Blocks can be nested: the inner block
    uses the responses of the outer one. Threads can share a client::

        with PLUGIN_REGISTRY_CLIENT as client:
            plugin = client.search_by_rel(
                "plugin", {"name": "hello-world"}, allow_collection_resource=False
            )

    All methods that send requests raise:

    * :class:`RegistryNotConfigured` when no registry is configured (see :attr:`ready`),
    * :class:`RegistryAnswerError` when an answer is not one of a registry,
    * :class:`requests.exceptions.HTTPError` when an answer has an error status,
    * :class:`requests.exceptions.RequestException` when there is no answer.

    Args:
        app: the app whose registry is used; see :meth:`init_app`.
        timeout: seconds to wait for the registry.
    """

    def __init__(
        self, app: Flask | None = None, timeout: float = DEFAULT_TIMEOUT
    ) -> None:
        self._app: Flask | None = None
        self._timeout = timeout
        self._apis: dict[str, tuple[ApiResponse, float]] = {}
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Use the registry of this app (``PLUGIN_REGISTRY_URL``) outside of app contexts."""
        self._app = app

    @property
    def plugin_registry_url(self) -> str | None:
        """The URL of the registry of the current app, or ``None``."""
        app = current_app if has_app_context() else self._app
        url: str | None = app.config.get("PLUGIN_REGISTRY_URL") if app else None
        return url or None

    @property
    def ready(self) -> bool:
        """Whether a registry is configured."""
        return self.plugin_registry_url is not None

    def __enter__(self) -> Self:
        blocks = _blocks.get()
        _blocks.set((*blocks, blocks[0] if blocks else {}))
        return self

    def __exit__(self, *_error: object) -> None:
        _blocks.set(_blocks.get()[:-1])

    def fetch_by_api_link(
        self,
        link: ApiLinkBase,
        query_params: QueryParams | None = None,
        body: bytes | str | None = None,
        json: Any = None,
    ) -> ApiResponse:
        """Follow a link with the method in its rels, or ``GET``.

        Args:
            link: a link from an answer of the registry.
            query_params: query parameters, which replace those of the link with the same names;
                parameters with the value ``None`` are left out.
            body: a raw body.
            json: a value that is sent as JSON instead of a raw body.

        Returns:
            The response; one without content (204) is a resource of type ``accepted``.
        """
        return self._call(_method(link.get("rel") or ()), link, query_params, body, json)

    def search_by_rel(
        self,
        rel: Rel,
        query_params: QueryParams | None = None,
        body: bytes | str | None = None,
        json: Any = None,
        allow_collection_resource: bool = True,
        base: ApiResponse | None = None,
        ignore_base_match: bool = False,
    ) -> ApiResponse | None:
        """Find the nearest resource that has all the wanted rels.

        The search starts with the base itself, then its links (the items of a collection
        before other links), then the collections it links to, then the ``api`` resources it
        links to, and so on. Links with a method (``post``, ``put``, ``delete``) are followed
        only when ``rel`` names one.

        Args:
            rel: one rel or several, e.g. ``"plugin"`` or ``["plugin", "collection"]``; the
                resource type counts as a rel.
            query_params: query parameters (usually filters) for matching links and for the
                collections on the way.
            body: a raw body for the links that match.
            json: a JSON body for the links that match.
            allow_collection_resource: whether the result may be a collection. If not,
                matching collections are searched before others.
            base: where to start (default: the URL of the registry).
            ignore_base_match: never return the base itself.

        Returns:
            The resource, or ``None`` when nothing matches.
        """

        search = _Search(
            as_rels(rel), query_params, body, json, allow_collection_resource
        )
        with self:
            start = base or self._get(self._root_url())
            for resource in self._walk(start, search.rels, query_params):
                is_start = resource is start
                if not (is_start and ignore_base_match) and search.matches(resource):
                    return resource
                found = self._first_link(search, resource, is_start)
                if found is not None:
                    return found
        return None

    def _first_link(
        self, search: "_Search", resource: ApiResponse, is_start: bool
    ) -> ApiResponse | None:
        """Follow the matching links of a resource up to the first result."""
        for link in _matching_links(resource, search.rels):
            # The items of a collection on the way were filtered with it.
            is_filtered = not is_start and link in _items(resource)
            params = None if is_filtered else search.query_params
            response = None
            if search.method == "GET" and not params:
                response = resource.get_embedded(link)
            if response is None:
                response = self._call(
                    search.method, link, params, search.body, search.json
                )
            if search.method != "GET" or search.allows(response):
                return response
        return None

    def fetch_by_rel(
        self,
        rels: Sequence[Rel],
        query_params: QueryParams | None = None,
        body: bytes | str | None = None,
        json: Any = None,
        allow_collection_resource: bool = True,
        base: ApiResponse | None = None,
    ) -> ApiResponse | None:
        """Search rel by rel, each time from the resource found before.

        When the last rel names a method, as in ``["plugin", ["plugin", "post"]]``, each link
        with that rel of the nearest resource that has any is called with this method.

        Args:
            rels: the rels, each as in :meth:`search_by_rel`.
            query_params: query parameters, for the last rel only, as are the next three.
            body: a raw body.
            json: a JSON body.
            allow_collection_resource: whether the result may be a collection.
            base: where to start (default: the URL of the registry).

        Returns:
            The resource, or the response to the last call; ``None`` when a rel is not found.
        """
        *before, last = [rels] if isinstance(rels, str) else rels
        with self:
            for rel in before:
                base = self.search_by_rel(rel, base=base)
                if base is None:
                    return None
            method = _method(as_rels(last))
            if method == "GET":
                return self.search_by_rel(
                    last, query_params, body, json, allow_collection_resource, base
                )
            start = base or self._get(self._root_url())
            for resource in self._walk(start, as_rels(last), None):
                answer = None
                for link in _matching_links(resource, as_rels(last)):
                    answer = self._call(method, link, query_params, body, json)
                if answer is not None:
                    return answer
        return None

    def _walk(
        self, start: ApiResponse, rels: Sequence[str], query_params: QueryParams | None
    ) -> Iterator[ApiResponse]:
        """Yield a resource and those it leads to, each once; fetch each when it is needed."""
        matching: deque[str] = deque()
        collections: deque[str] = deque()
        apis: deque[str] = deque()
        kinds = ((rels, matching), ("collection", collections), ("api", apis))
        seen = {self._url(start.data["self"])}
        resource = start
        while True:
            yield resource
            for link in _all_links(resource):
                if _method(link.get("rel") or ()) != "GET":
                    continue
                queues = (
                    queue for wanted, queue in kinds if match_api_link(link, wanted)
                )
                if (queue := next(queues, None)) is None:
                    continue
                url = self._url(link, None if queue is apis else query_params)
                if url not in seen:
                    seen.add(url)
                    queue.append(url)
            queue = matching or collections or apis
            if not queue:
                return
            resource = self._get(queue.popleft())

    def _root_url(self) -> str:
        url = self.plugin_registry_url
        if url is None:
            raise RegistryNotConfigured(
                "No plugin registry is configured: set PLUGIN_REGISTRY_URL."
            )
        return url

    def _url(self, link: ApiLinkBase, query_params: QueryParams | None = None) -> str:
        return _with_query(urljoin(self._root_url(), link["href"]), query_params)

    def _call(
        self,
        method: str,
        link: ApiLinkBase,
        query_params: QueryParams | None,
        body: bytes | str | None,
        json: Any,
    ) -> ApiResponse:
        url = self._url(link, query_params)
        if method == "GET" and body is None and json is None:
            return self._get(url)
        for fetched in _blocks.get()[:1]:
            # The call may change resources that were fetched before.
            fetched.clear()
        return self._request(method, url, body, json)

    def _get(self, url: str) -> ApiResponse:
        """Return a copy of the cached response of a URL, or fetch it."""
        blocks = _blocks.get()
        response = blocks[0].get(url) if blocks else None
        api, until = self._apis.get(url, (None, 0.0))
        if response is None and monotonic() < until:
            response = api
        if response is None:
            response = self._request("GET", url)
            if response.matches_rel("api"):
                self._apis[url] = response, monotonic() + API_LIFETIME
            elif blocks:
                blocks[0][url] = response
        return deepcopy(response)

    def _request(
        self, method: str, url: str, body: bytes | str | None = None, json: Any = None
    ) -> ApiResponse:
        with REQUEST_SESSION.request(
            method,
            rewrite_url(url),
            data=body,
            json=json,
            headers={"Accept": "application/json"},
            timeout=self._timeout,
        ) as response:
            if response.status_code in (404, 410):
                # The link may come from an outdated resource.
                self._apis.clear()
            response.raise_for_status()
            return _read(response)


def _method(rels: Sequence[str]) -> str:
    return next((METHODS[rel] for rel in rels if rel in METHODS), "GET")


def _items(resource: ApiResponse) -> Sequence[ApiLink]:
    return resource.data.get("items") or ()


def _all_links(resource: ApiResponse) -> Sequence[ApiLink]:
    return [*_items(resource), *resource.links]


def _matching_links(resource: ApiResponse, rels: Sequence[str]) -> Sequence[ApiLink]:
    """Return the links with all these rels; links with a method only if the rels name one."""
    needs_method = _method(rels) != "GET"
    return [
        link
        for link in _all_links(resource)
        if match_api_link(link, rels)
        and (needs_method or _method(link.get("rel") or ()) == "GET")
    ]


def _with_query(url: str, query_params: QueryParams | None) -> str:
    """Set query parameters of a URL, replacing those with the same names."""
    if not query_params:
        return url
    parts = urlsplit(url)
    old = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in old if name not in query_params]
    new = [(name, value) for name, value in query_params.items() if value is not None]
    return parts._replace(query=urlencode([*kept, *new], doseq=True)).geturl()


def _read(response: Response) -> ApiResponse:
    if not response.content:
        accepted: ApiLink = {"href": response.url, "rel": [], "resourceType": "accepted"}
        return ApiResponse(data={"self": accepted}, links=[])
    try:
        document = response.json()
        if not isinstance(document, Mapping):
            raise ValueError("it is not a JSON object")
        return ApiResponse.from_document(document)
    except ValueError as error:
        raise RegistryAnswerError(
            f"The answer of {display_url(response.url)!r} is not one of a plugin registry: "
            f"{error}. Check PLUGIN_REGISTRY_URL."
        ) from error
