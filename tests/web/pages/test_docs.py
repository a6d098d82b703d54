"""The pages that show the API."""

import re
from urllib.parse import urlsplit

import pytest

PATHS = ["/rapidoc/", "/redoc/", "/swagger-ui/"]


def addresses(page):
    """Return all URLs that a page names."""
    return [
        value
        for each in page.walk()
        for name, value in each.attributes.items()
        if name in ("href", "src") or name.endswith("-url")
    ]


@pytest.mark.parametrize("path", PATHS)
def test_all_that_a_page_names_is_served_here(client, visit, path):
    found = addresses(visit(client, path))

    assert "/api-spec.json" in found
    assert any(address.startswith("/docs-assets/") for address in found)
    for address in found:
        parts = urlsplit(address)
        assert (parts.scheme, parts.netloc) == ("", "")
        with client.get(address) as response:
            assert response.status_code == 200
            assert response.headers["ETag"]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_found_without_its_last_slash(client, path):
    response = client.get(path.rstrip("/"))

    assert response.status_code == 308
    assert urlsplit(response.location).path == path


@pytest.mark.parametrize("path", PATHS)
def test_a_page_runs_only_scripts_of_the_runner(client, visit, path):
    page = visit(client, path)
    policy = client.get(path).headers["Content-Security-Policy"]

    assert all("src" in script for script in page.all("script"))
    assert page.all("style") == []
    scripts = re.search("script-src ([^;]*);", policy)
    assert scripts and scripts[1] == "'self'"
    assert "http" not in policy.partition("frame-ancestors")[0]


@pytest.mark.parametrize("path", PATHS)
def test_pages_work_behind_a_proxy_with_a_prefix(make_client, visit, path):
    client = make_client(REVERSE_PROXY_COUNT=1)
    response = client.get(path, headers={"X-Forwarded-Prefix": "/under"})
    found = re.findall(r'(?:href|src|-url)="([^"]*)"', response.text)

    assert len(found) >= 4
    assert all(address.startswith("/under/") for address in found)


def test_paths_are_those_of_the_settings(make_client, visit):
    client = make_client(
        OPENAPI_URL_PREFIX="/about",
        OPENAPI_RAPIDOC_PATH="rapid/api/",
        OPENAPI_REDOC_PATH="",
    )

    page = visit(client, "/about/rapid/api/")
    landing = [each["href"] for each in visit(client, "/").all("a")]

    assert "/about/api-spec.json" in addresses(page)
    assert client.get("/redoc/").status_code == 404
    assert "/about/rapid/api/" in landing
    assert "/about/swagger-ui/" in landing


def test_redoc_is_served_without_the_address_of_its_makers_logo(client, visit):
    (script,) = [
        each for each in addresses(visit(client, "/redoc/")) if "standalone" in each
    ]
    with client.get(script) as response:
        assert response.mimetype == "text/javascript"
        assert "cdn.redoc.ly" not in response.text
        assert "data:image/svg+xml;base64," in response.text


@pytest.mark.parametrize("path", PATHS)
def test_files_of_a_viewer_are_kept_by_browsers_until_its_version_changes(
    client, visit, path
):
    for address in addresses(visit(client, path)):
        if not address.startswith("/docs-assets/"):
            continue
        with client.get(address) as first:
            assert first.cache_control.max_age == 31_536_000
            assert first.cache_control.immutable
            etag = first.headers["ETag"]
        with client.get(address, headers={"If-None-Match": etag}) as again:
            assert again.status_code == 304
        with client.get(re.sub(r"\d+\.\d+\.\d+", "0.0.0", address)) as other_version:
            assert other_version.status_code == 404


@pytest.mark.parametrize(
    "path",
    ["../__init__.py", "..%2F__init__.py", "js", "no-such-file.js", "%2Fetc%2Fpasswd"],
)
def test_only_the_files_of_a_viewer_are_served(client, visit, path):
    known = next(a for a in addresses(visit(client, "/rapidoc/")) if "docs-assets" in a)
    folder = known.partition("/js/")[0]

    assert client.get(f"{folder}/{path}", follow_redirects=True).status_code == 404
    assert client.get("/docs-assets/other/1.0.0/js/a.js").status_code == 404
