"""What pages of a strange origin see of a runner on this machine, and what those of friends see.

All of them are on loopback; only this browser finds ``strange.example`` there. The tests print
what a page has seen: ``scripts/test tests/browser/test_strange_sites.py -s``.
"""

import json
from urllib.parse import urlsplit

import pytest
import requests
from helpers.chromium import ARGUMENTS, ONLY_LOOPBACK, launch
from helpers.frame_host import PAGES
from helpers.processes import wait_until
from helpers.site import Site, serving

STRANGE = "strange.example"

FRIENDS = ["127.0.0.1", "localhost"]


@pytest.fixture(scope="module")
def browser(playwright):
    """A browser for which a name of the world leads to this machine, as after DNS rebinding."""
    rules = f"--host-resolver-rules=MAP {STRANGE} 127.0.0.1, {ONLY_LOOPBACK}"
    arguments = [rules, *(each for each in ARGUMENTS if "resolver" not in each)]
    browser = launch(playwright, arguments)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def port():
    """The port of a site with a page that attacks."""
    site = Site()
    site.put("/", '<script src="/attack.js"></script><body>', Content_Type="text/html")
    script = (PAGES / "attack.js").read_bytes()
    site.put("/attack.js", script, Content_Type="text/javascript")
    with serving(site) as url:
        yield urlsplit(url).port


@pytest.fixture
def visit(browser, port):
    """Open the page that attacks under a name."""
    with browser.new_context() as context:

        def visit(name):
            page = context.new_page()
            page.goto(f"http://{name}:{port}/")
            return page

        yield visit


@pytest.fixture
def plugin(product):
    return f"{product.url}plugins/hello-world@v1-0-0/"


@pytest.fixture
def task(product, plugin):
    """The URL of a task that has finished."""
    url = requests.post(f"{plugin}process/", data={"inputStr": "x"}, timeout=60).url
    wait_until(
        lambda: requests.get(url, timeout=60).json()["status"] == "SUCCESS", 60, url
    )
    return url


def count_tasks(product):
    count, url = 0, f"{product.url}tasks/"
    while url:
        page = requests.get(url, timeout=60).json()
        count += len(page["tasks"])
        url = next((each["href"] for each in page["links"] if each["type"] == "next"), "")
    return count


def attack(page, product, plugin, task):
    arguments = [product.url, f"{plugin}process/", task]
    seen = page.evaluate("(given) => attack(...given)", arguments)
    print(f"\n{page.url} sees {json.dumps(seen, indent=2)}")
    return seen


def test_a_page_of_a_strange_origin_reads_starts_and_removes_nothing(
    visit, product, plugin, task
):
    before = count_tasks(product)
    seen = attack(visit(STRANGE), product, plugin, task)
    assert seen.pop("start a task unseen") == "sent, answer hidden"
    assert all(each.startswith("refused") for each in seen.values())
    assert count_tasks(product) == before
    assert requests.get(task, timeout=60).status_code == 200


@pytest.mark.parametrize("name", FRIENDS)
def test_a_page_on_another_port_of_this_machine_does_all_of_it(
    visit, product, plugin, task, name
):
    before = count_tasks(product)
    seen = attack(visit(name), product, plugin, task)
    assert seen.pop("start a task unseen") == "sent, answer hidden"
    removed = {"remove a task": "read 204"}
    assert seen == {**dict.fromkeys(seen, "read 200"), **removed}
    assert count_tasks(product) == before + 1  # two were started and one removed
    assert requests.get(task, timeout=60).status_code == 404


def test_a_form_of_a_strange_page_that_is_sent_by_a_click_starts_nothing(
    visit, product, plugin
):
    before = count_tasks(product)
    page = visit(STRANGE)
    page.set_content(f"<form method=post action={plugin}process/><button>Win</button>")
    with page.expect_response(f"{plugin}process/") as response:
        page.get_by_role("button").click()
    assert response.value.status == 403
    assert "ALLOWED_ORIGINS" in response.value.json()["message"]
    assert count_tasks(product) == before


def test_only_pages_of_this_machine_show_micro_frontends(visit, plugin):
    seen = {}
    for name in (STRANGE, *FRIENDS):
        page = visit(name)
        page.evaluate("(url) => embed(url)", f"{plugin}ui/")
        (frame,) = page.frames[1:]
        seen[name] = frame.evaluate("location.href")
    print(f"\na frame with a micro frontend shows {json.dumps(seen, indent=2)}")
    assert seen.pop(STRANGE) == "chrome-error://chromewebdata/"
    assert seen == dict.fromkeys(FRIENDS, f"{plugin}ui/")


def test_dns_rebinding_gets_a_page_without_anything(browser, product):
    """The attacker's name leads to the runner, so to the browser it is the same origin."""
    with browser.new_context() as context:
        page = context.new_page()
        address = f"http://{STRANGE}:{urlsplit(product.url).port}/tasks/"
        response = page.goto(address)
        print(f"\n{address} answers {response.status}: {response.json()['message']}")
        assert response.status == 421


def test_a_strange_opener_learns_nothing_from_a_form_and_cannot_fill_it(
    visit, product, plugin
):
    """As in pinterest/querybook#1676: the source of a message was checked, not its origin."""
    heard = {}
    for name in (STRANGE, "localhost"):
        page = visit(name)
        with page.expect_popup() as popup:
            page.evaluate(
                """(url) => {
                    window.heard = [];
                    addEventListener("message", ({data}) => heard.push(data.type ?? data));
                    window.opened = open(url);
                }""",
                f"{plugin}ui/",
            )
        form = popup.value
        form.wait_for_load_state()
        form.evaluate("addEventListener('message', ({data}) => { window.last = data; })")
        page.evaluate("""() => {
            const value = "inputStr=from+the+opener";
            const encoding = "application/x-www-form-urlencoded";
            opened.postMessage({type: "autofill-response", value, encoding}, "*");
            opened.postMessage("ui-submit-status", "*");
            opened.postMessage("the last one", "*");
        }""")
        form.wait_for_function("window.last === 'the last one'")
        form.get_by_label("Text").click()
        filled = form.get_by_label("Text").input_value()
        form.get_by_label("Text").fill("a secret")
        with form.expect_response(f"{plugin}process/"):
            form.get_by_role("button", name="Submit").click()
        form.get_by_text("Sent.").wait_for()
        heard[name] = (filled, page.evaluate("[...new Set(heard)].sort()"))
    print(f"\nwhat an opener hears: {json.dumps(heard, indent=2)}")
    unfilled, told = heard[STRANGE]
    assert unfilled == ""
    assert set(told) <= {"autofill-request", "ui-loaded", "ui-loading", "ui-resize"}
    assert heard["localhost"][0] == "from the opener"
    assert "form-submit" in heard["localhost"][1]
