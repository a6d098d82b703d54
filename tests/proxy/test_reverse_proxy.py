"""The product behind a reverse proxy: all URLs are those of the world."""

from urllib.parse import urljoin, urlsplit

import pytest
from helpers.html_tree import read_html
from helpers.processes import wait_until
from helpers.product import Product
from helpers.proxy import reverse_proxy

PUBLIC = "https://qhana.example.org:8443/quantum/runner/"
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}

# Attributes that hold the address of something else.
TARGETS = [("link", "href"), ("script", "src"), ("img", "src"), ("a", "href")]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A client of a runner that has been told that one proxy is in front of it."""
    folder = tmp_path_factory.mktemp("proxied") / "instance"
    variables = {"REVERSE_PROXY_COUNT": "1"}
    with Product(folder, environment=variables) as product:
        with reverse_proxy(product.url, PUBLIC) as world:
            yield world


@pytest.fixture(scope="module")
def untold(tmp_path_factory):
    """A client of a runner behind the same proxy that has not been told of it."""
    folder = tmp_path_factory.mktemp("untold") / "instance"
    with Product(folder) as product:
        with reverse_proxy(product.url, PUBLIC) as world:
            yield world


def urls_in(value):
    """Return all absolute URLs in a JSON value."""
    if isinstance(value, dict):
        return [url for inner in value.values() for url in urls_in(inner)]
    if isinstance(value, list):
        return [url for inner in value for url in urls_in(inner)]
    is_url = isinstance(value, str) and value.startswith(("http://", "https://"))
    return [value] if is_url else []


def finished(world, task_url):
    task = {}

    def has_ended():
        task.update(world.get(task_url).json())
        return task["status"] != "PENDING"

    wait_until(has_ended, 60, "the task has ended")
    return task


def hello_world(world):
    plugins = world.get(f"{world.public}plugins/").json()["plugins"]
    (found,) = (plugin for plugin in plugins if plugin["name"] == "hello-world")
    return found


def test_api_roots_are_public_and_can_be_followed(world):
    root = world.get(world.public).json()
    plugins = world.get(f"{world.public}plugins/").json()
    found = urls_in(root) + urls_in(plugins)
    assert hello_world(world)["apiRoot"] == f"{PUBLIC}plugins/hello-world@v1-0-0/"
    assert found and all(url.startswith(PUBLIC) for url in found)
    for url in found:
        assert world.get(url).status_code == 200, url


def test_metadata_of_a_plugin_lead_to_public_addresses(world):
    api_root = hello_world(world)["apiRoot"]
    entry = world.get(api_root).json()["entryPoint"]
    assert urljoin(api_root, entry["href"]).startswith(PUBLIC)
    assert world.get(urljoin(api_root, entry["uiHref"])).status_code == 200


def test_a_task_is_followed_from_the_form_to_its_file_by_public_urls(world):
    process = f"{hello_world(world)['apiRoot']}process/"
    answer = world.post(process, data={"inputStr": "proxy"})
    assert answer.status_code == 303
    task_url = urljoin(process, answer.headers["Location"])
    assert task_url.startswith(f"{PUBLIC}tasks/")
    task = finished(world, task_url)
    assert (task["status"], task["log"]) == ("SUCCESS", "Hello proxy!")
    links = urls_in(task)
    assert {task["outputs"][0]["href"], task_url} <= set(links)
    assert all(url.startswith(PUBLIC) for url in links), links
    assert world.get(task["outputs"][0]["href"]).text == "Hello proxy!"


@pytest.mark.parametrize("path", ["", "redoc/", "rapidoc/", "swagger-ui/", "licenses/"])
def test_what_a_page_loads_and_links_to_is_found_below_the_prefix(world, path):
    base = PUBLIC + path
    answer = world.get(base, headers=BROWSER)
    assert answer.status_code == 200
    page = read_html(answer.text)
    targets = {
        urljoin(base, element[name])
        for tag, name in TARGETS
        for element in page.all(tag)
        if element.get(name) and not element[name].startswith(("#", "data:"))
    }
    own = [url for url in targets if urlsplit(url).netloc == urlsplit(PUBLIC).netloc]
    assert own and all(url.startswith(PUBLIC) for url in own), own
    for url in own:
        assert world.get(url, headers=BROWSER).status_code < 400, url


@pytest.mark.parametrize("path", ["redoc", "licenses", "plugins/hello-world/"])
def test_redirects_stay_below_the_prefix(world, path):
    answer = world.get(PUBLIC + path)
    assert 300 <= answer.status_code < 400
    target = urljoin(PUBLIC + path, answer.headers["Location"])
    assert target.startswith(PUBLIC)
    assert world.get(target).status_code == 200


def test_the_document_of_the_api_names_the_prefix(world):
    document = world.get(f"{PUBLIC}api-spec.json").json()
    servers = [server["url"] for server in document.get("servers", [])]
    assert servers and {urljoin(PUBLIC, url).rstrip("/") for url in servers} == {
        PUBLIC.rstrip("/")
    }


def test_without_the_setting_what_a_proxy_says_is_not_believed(untold):
    plugin, *_ = untold.get(f"{PUBLIC}plugins/").json()["plugins"]
    server = f"http://{untold.server}/"
    assert plugin["apiRoot"].startswith(f"{server}plugins/")
    answer = untold.post(
        f"{PUBLIC}plugins/hello-world@v1-0-0/process/", data={"inputStr": "x"}
    )
    location = urljoin(server, answer.headers["Location"])
    assert location.startswith(f"{server}tasks/")
    task = untold.get(PUBLIC + location.removeprefix(server)).json()
    assert urls_in(task) and all(url.startswith(server) for url in urls_in(task))


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Forwarded-Prefix"])
def test_a_client_cannot_put_its_own_words_before_those_of_the_proxy(world, header):
    headers = {header: "evil.example"}
    plugins = world.get(f"{PUBLIC}plugins/", headers=headers).json()["plugins"]
    assert all(plugin["apiRoot"].startswith(PUBLIC) for plugin in plugins)
