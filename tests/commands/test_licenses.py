"""The licenses of what the runner is made of: the page and the tasks."""

import tomllib

import pytest
from helpers.html_tree import read_html
from helpers.product import CHECKOUT
from helpers.runner import runner
from packaging.markers import Marker

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture
def client(tmp_path):
    with runner(tmp_path, tables=False) as app:
        yield app.test_client()


def locked():
    """Return version by name of what the lock file's main group says for this machine."""
    lock = tomllib.loads((CHECKOUT / "poetry.lock").read_text("utf-8"))
    found = {}
    for package in lock["package"]:
        markers = package.get("markers", "")
        if isinstance(markers, dict):
            markers = markers.get("main", "")
        if "main" in package["groups"] and (not markers or Marker(markers).evaluate()):
            found[package["name"]] = package["version"]
    return found


def test_programs_get_each_locked_package_with_its_version(client):
    response = client.get("/licenses/")
    packages = response.json["packages"]
    assert response.mimetype == "application/json" and "Accept" in response.vary
    assert {p["name"]: p["version"] for p in packages} == locked()
    assert [p["name"] for p in packages] == sorted(p["name"] for p in packages)


def test_each_package_names_its_license_and_most_bring_the_text(client):
    packages = {p["name"]: p for p in client.get("/licenses/").json["packages"]}
    assert [name for name, package in packages.items() if not package["license"]] == []
    assert packages["flask"]["license"] == "BSD-3-Clause"
    assert (
        "Redistribution and use in source and binary forms" in packages["flask"]["text"]
    )
    assert "Apache License" in packages["requests"]["text"]
    without = {name for name, package in packages.items() if not package["text"]}
    assert len(without) < len(packages) / 10


def test_browsers_get_a_page_that_needs_no_script(client):
    response = client.get("/licenses/", headers=BROWSER)
    page = read_html(response.text)
    assert response.mimetype == "text/html" and "Accept" in response.vary
    assert "unsafe" not in response.headers["Content-Security-Policy"]
    assert page.all("script") == []
    titles = [title.words.split()[0] for title in page.all("h2")]
    assert titles == sorted(locked())
    assert "Redistribution and use" in page.text


def test_the_page_is_found_without_the_slash(client):
    assert client.get("/licenses", follow_redirects=True).status_code == 200


def test_list_licenses_prints_a_line_for_each_package(invoke):
    result = invoke("list-licenses")
    assert result.returncode == 0, result.stderr
    names = [line.split()[0] for line in result.stdout.splitlines()]
    assert names == sorted(locked())
    assert f"flask {locked()['flask']}: BSD-3-Clause" in result.stdout


def test_list_licenses_prints_the_texts_when_asked(invoke):
    assert "Redistribution and use" in invoke("list-licenses", "--texts").stdout


def test_update_licenses_says_that_nothing_is_to_be_done(invoke):
    result = invoke("update-licenses")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("nothing to update: /licenses/")
    assert str(len(locked())) in result.stdout
