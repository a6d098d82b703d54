"""A client that finds its way through the plugin registry by the meaning of links."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from flask import Flask, current_app, has_app_context
from requests import Response

from ..errors import RunnerError
from ..requests import REQUEST_SESSION, display_url, rewrite_url
from .types import ApiLink, ApiLinkBase, ApiResponse, match_api_link

__all__ = ["PluginRegistryClient", "RegistryAnswerError", "RegistryNotConfigured"]

DEFAULT_TIMEOUT = 10.0
"""Seconds that the registry may be silent."""

API_LIFETIME = 24 * 60 * 60.0
"""Seconds for which resources with the rel ``api`` are kept: they change with a new version
of the registry only."""

METHODS = {"post": "POST", "put": "PUT", "delete": "DELETE"}
"""The rels that say with which method a link is to be called."""

QueryParams = Mapping[str, Any]
Rel = str | Sequence[str]


class RegistryNotConfigured(RunnerError, ValueError):
    """The registry was asked for something, but there is none."""

    http_status = 503


class RegistryAnswerError(RunnerError, ValueError):
    """The registry gave an answer that makes no sense; the text says which."""

    http_status = 502


@dataclass(frozen=True)
class _Block:
    """A ``with`` block: the one around it, and by URL what was fetched in both."""

    outer: "_Block | None" = None
    fetched: dict[str, ApiResponse] = field(default_factory=dict)


_block: ContextVar[_Block | None] = ContextVar("registry_client_block", default=None)
"""The innermost ``with`` block; each thread has its own."""


class _Kept(NamedTuple):
    response: ApiResponse
    until: float


class PluginRegistryClient(AbstractContextManager["PluginRegistryClient"]):
    """A client of the plugin registry, which knows one URL and follows links from there.

    In a ``with`` block everything is fetched at most once. Blocks may be nested; the inner
    one uses what the outer one has fetched. Many threads may use one client::

        with PLUGIN_REGISTRY_CLIENT as client:
            plugin = client.search_by_rel(
                "plugin", {"name": "hello-world"}, allow_collection_resource=False
            )

    All methods that fetch something raise:

    * :class:`RegistryNotConfigured` when there is no registry (see :attr:`ready`),
    * :class:`RegistryAnswerError` when an answer is none of a registry,
    * :class:`requests.exceptions.HTTPError` when an answer has an error status,
    * :class:`requests.exceptions.RequestException` when there is no answer.

    Args:
        app: an app whose registry is used; see :meth:`init_app`.
        timeout: seconds that the registry may be silent.
    """

    def __init__(
        self, app: Flask | None = None, timeout: float = DEFAULT_TIMEOUT
    ) -> None:
        self._app: Flask | None = None
        self._timeout = timeout
        self._apis: dict[str, _Kept] = {}
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Use the registry of this app (``PLUGIN_REGISTRY_URL``) where no app is current."""
        self._app = app

    @property
    def plugin_registry_url(self) -> str | None:
        """The URL of the registry of the current app, or ``None`` when it has none."""
        app = current_app if has_app_context() else self._app
        url: str | None = app.config.get("PLUGIN_REGISTRY_URL") if app else None
        return url or None

    @property
    def ready(self) -> bool:
        """Whether there is a registry to ask."""
        return self.plugin_registry_url is not None

    def __enter__(self) -> Self:
        outer = _block.get()
        _block.set(_Block(outer, outer.fetched) if outer else _Block())
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        block = _block.get()
        _block.set(block.outer if block else None)

    def fetch_by_api_link(
        self,
        link: ApiLinkBase,
        query_params: QueryParams | None = None,
        body: bytes | str | None = None,
        json: Any = None,
    ) -> ApiResponse:
        """Follow a link, with the method that its rels name (``GET`` without one).

        Args:
            link: a link from an answer of the registry.
            query_params: parameters for the query, in place of those that the link has
                under the same names; those with the value ``None`` are left out.
            body: a raw body.
            json: a value to be sent as JSON, in place of a raw body.

        Returns:
            the answer; for one without content (204) a resource of the type ``accepted``.
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
        """Search the nearest resource that has all the wanted rels.

        First is the base itself, then what it links to (the items of a collection before
        other links), then the same for the collections it links to, then for the ``api``
        resources it links to, and so on from there.  A link that is to be called with a
        method (``post``, ``put``, ``delete``) is followed only when ``rel`` names one.

        Args:
            rel: one rel or several, e.g. ``"plugin"`` or ``["plugin", "collection"]``; the
                resource type counts as a rel.
            query_params: parameters for the query of the links that match and of the
                collections on the way: filters, usually.
            body: a raw body for the links that match.
            json: a JSON body for the links that match.
            allow_collection_resource: whether the result may be a collection.  If not,
                collections that match are searched before others.
            base: where to start (default: the URL of the registry).
            ignore_base_match: the base is where to start only, and never the result.

        Returns:
            the resource, or ``None`` when nothing matches.
        """

        def is_allowed(response: ApiResponse) -> bool:
            return allow_collection_resource or not response.is_collection_resource()

        rels = _as_list(rel)
        method = _method(rels)
        with self:
            start = base or self._fetch_root()
            for resource in self._walk(start, rels, query_params):
                is_start = resource is start
                if method == "GET" and not (is_start and ignore_base_match):
                    if resource.matches_rel(rels) and is_allowed(resource):
                        return resource
                for link in _matching_links(resource, rels):
                    # items of a collection on the way have passed the filters already
                    has_passed = not is_start and link in _items(resource)
                    params = None if has_passed else query_params
                    response = None if params else resource.get_embedded(link)
                    if response is None or method != "GET":
                        response = self._call(method, link, params, body, json)
                    if method != "GET" or is_allowed(response):
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
        """Search rel by rel, each time from the resource that was found before.

        When the last rel names a method, as ``["plugin", ["plugin", "post"]]`` does, then
        each link with that rel, of the nearest resource that has any, is called with it.

        Args:
            rels: the rels, each as in :meth:`search_by_rel`.
            query_params: parameters for the query, for the last rel only; likewise the
                next three.
            body: a raw body.
            json: a JSON body.
            allow_collection_resource: whether the result may be a collection.
            base: where to start (default: the URL of the registry).

        Returns:
            the resource, or the answer to the last call; ``None`` when one of the rels is
            not found.
        """
        *before, last = [rels] if isinstance(rels, str) else rels
        with self:
            for rel in before:
                base = self.search_by_rel(rel, base=base)
                if base is None:
                    return None
            method = _method(_as_list(last))
            if method == "GET":
                return self.search_by_rel(
                    last, query_params, body, json, allow_collection_resource, base
                )
            for resource in self._walk(base or self._fetch_root(), _as_list(last), None):
                answer = None
                for link in _matching_links(resource, _as_list(last)):
                    answer = self._call(method, link, query_params, body, json)
                if answer is not None:
                    return answer
        return None

    def _walk(
        self, start: ApiResponse, rels: Sequence[str], query_params: QueryParams | None
    ) -> Iterator[ApiResponse]:
        """Yield a resource and those it leads to, each once, and not fetched too early."""
        matching: deque[str] = deque()
        collections: deque[str] = deque()
        apis: deque[str] = deque()
        seen = {self._url(start.data["self"])}
        resource = start
        while True:
            yield resource
            for link in _all_links(resource):
                if _method(link.get("rel") or ()) != "GET":
                    continue
                if match_api_link(link, rels):
                    # whoever asks for more has not been content: this is a collection
                    queue, url = matching, self._url(link, query_params)
                elif match_api_link(link, "collection"):
                    queue, url = collections, self._url(link, query_params)
                elif match_api_link(link, "api"):
                    queue, url = apis, self._url(link)
                else:
                    continue
                if url not in seen:
                    seen.add(url)
                    queue.append(url)
            queue = matching or collections or apis
            if not queue:
                return
            resource = self._get(queue.popleft())

    def _fetch_root(self) -> ApiResponse:
        return self._get(self._root_url())

    def _root_url(self) -> str:
        url = self.plugin_registry_url
        if url is None:
            raise RegistryNotConfigured(
                "There is no plugin registry; set PLUGIN_REGISTRY_URL to the URL of one."
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
        if block := _block.get():
            # the call may change what was fetched before
            block.fetched.clear()
        return self._request(method, url, body, json)

    def _get(self, url: str) -> ApiResponse:
        """Return what was kept of a URL, or fetch it; the caller may change what it gets."""
        block = _block.get()
        response = block.fetched.get(url) if block else None
        if response is None:
            kept = self._apis.get(url)
            if kept is not None and monotonic() < kept.until:
                response = kept.response
        if response is None:
            response = self._request("GET", url)
            if response.matches_rel("api"):
                self._apis[url] = _Kept(response, monotonic() + API_LIFETIME)
            elif block:
                block.fetched[url] = response
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
                # what led here may be out of date
                self._apis.clear()
            response.raise_for_status()
            return _read(response)


def _as_list(rel: Rel) -> Sequence[str]:
    return [rel] if isinstance(rel, str) else rel


def _method(rels: Sequence[str]) -> str:
    return next((METHODS[rel] for rel in rels if rel in METHODS), "GET")


def _items(resource: ApiResponse) -> Sequence[ApiLink]:
    return resource.data.get("items") or ()


def _all_links(resource: ApiResponse) -> Sequence[ApiLink]:
    return [*_items(resource), *resource.links]


def _matching_links(resource: ApiResponse, rels: Sequence[str]) -> Sequence[ApiLink]:
    """The links with all these rels; no links for a method unless the rels name one."""
    needs_method = _method(rels) != "GET"
    return [
        link
        for link in _all_links(resource)
        if match_api_link(link, rels)
        and (needs_method or _method(link.get("rel") or ()) == "GET")
    ]


def _with_query(url: str, query_params: QueryParams | None) -> str:
    """Set parameters in the query of a URL, in place of those with the same names."""
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
            raise ValueError("it is no JSON object")
        return ApiResponse.from_document(document)
    except ValueError as error:
        raise RegistryAnswerError(
            f"The answer of {display_url(response.url)!r} is none of a plugin registry: "
            f"{error}. Check PLUGIN_REGISTRY_URL."
        ) from error
