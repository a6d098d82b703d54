"""The workbench: from a file to a result and on to the next plugin, in a browser."""

import re

import pytest
from helpers.chromium import barriers
from helpers.product import CHECKOUT
from playwright.sync_api import expect

PENGUINS = CHECKOUT / "examples" / "penguins.csv"

STATISTICS = "workbench/plugins/entity-statistics@v1-0-0/"
GREETING = "workbench/plugins/hello-world@v1-0-0/"
DIALOGUE = "workbench/plugins/hello-world-multi-step@v1-0-0/"


def form(page):
    """Return the micro frontend of a page."""
    return page.frame_locator("iframe.micro-frontend")


def state(page):
    return page.locator("#task-state strong")


def greet(page, product, name="World"):
    """Run the greeting, and wait on the page of its task until it has finished."""
    page.goto(product.url + GREETING)
    form(page).get_by_label("Text").fill(name)
    form(page).get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile(r"/tasks/\d+/$"))
    expect(state(page)).to_have_text("finished")


def test_from_an_upload_to_statistics_a_preview_and_the_next_plugin(page, product, shoot):
    page.goto(product.url)
    page.get_by_label("Search name, description, and tags").fill("statistics")
    page.get_by_role("button", name="Search").click()
    page.locator(".card a").first.click()
    expect(form(page).get_by_role("button", name="Choose file").first).to_be_visible()
    form(page).get_by_role("button", name="Choose file").first.click()

    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Upload a file").click()
    dialog.get_by_label("File", exact=True).set_input_files(PENGUINS)
    shoot(page, "upload")
    dialog.get_by_role("button", name="Upload and choose").click()
    expect(form(page).locator(".selected-file-name").first).to_contain_text("penguins")
    shoot(page, "form")
    form(page).get_by_role("button", name="Submit").click()

    page.wait_for_url(re.compile(r"/tasks/\d+/$"))
    expect(state(page)).to_have_text("finished")
    task = page.url
    expect(page.get_by_role("heading", level=1)).to_have_text("Entity statistics")
    statistics, report = page.locator(".outputs > li").all()
    expect(statistics.locator("table")).to_contain_text("body_mass_g")
    report.scroll_into_view_if_needed()
    shown = report.frame_locator("iframe[sandbox=allow-scripts]")
    expect(shown.get_by_role("heading", level=1)).to_contain_text("penguins")
    shoot(page, "preview")
    inputs = page.get_by_role("region", name="Inputs")
    expect(inputs.get_by_role("link", name="penguins.csv")).to_be_visible()
    statistics.get_by_text("Use in").click()
    statistics.get_by_role("link", name="Entity statistics").click()
    expect(form(page).locator("input[data-input-type=data]").first).to_have_value(
        re.compile("/files/")
    )

    page.goto(task)
    page.get_by_role("link", name="Run again with the same values").click()
    expect(form(page).locator("input[data-input-type=data]").first).to_have_value(
        re.compile("/files/")
    )


def test_a_step_opens_when_it_is_due_and_the_page_goes_on_by_itself(page, product, shoot):
    page.goto(product.url + DIALOGUE)
    form(page).get_by_label("Text").fill("Ada")
    form(page).get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile(r"/tasks/\d+/$"))
    expect(page.get_by_role("heading", name="Your input is required")).to_be_visible()
    form(page).get_by_label("Text").fill("Grace")
    shoot(page, "step")
    form(page).get_by_role("button", name="Submit").click()
    expect(state(page)).to_have_text("finished")
    expect(page.locator(".outputs > li")).to_have_count(2)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download all as ZIP").click()
    assert download.value.suggested_filename.endswith(".zip")


def test_a_task_that_waits_is_cancelled_and_then_deleted(page, product):
    page.goto(product.url + DIALOGUE)
    form(page).get_by_label("Text").fill("Ada")
    form(page).get_by_role("button", name="Submit").click()
    page.wait_for_url(re.compile(r"/tasks/\d+/$"))
    expect(page.get_by_role("heading", name="Your input is required")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(state(page)).to_have_text("canceled")
    number = page.url.rstrip("/").rpartition("/")[2]
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url(f"{product.url}tasks/")
    expect(page.get_by_role("link", name=f"Task {number}", exact=True)).to_have_count(0)


def test_an_open_list_shows_a_new_task_by_itself(new_page, product):
    tasks, other = new_page(), new_page()
    tasks.goto(f"{product.url}tasks/")
    greet(other, product)
    number = other.url.rstrip("/").rpartition("/")[2]
    row = tasks.get_by_role("row", name=f"Task {number}")
    expect(row).to_contain_text("finished")


def test_what_a_form_refuses_is_said_beside_it(page, product, watch):
    watch.expected.append("422")
    page.goto(product.url + GREETING)
    form(page).get_by_label("Text").evaluate("field => field.form.noValidate = true")
    form(page).get_by_role("button", name="Submit").click()
    expect(page.locator("#message")).to_contain_text("422")


@pytest.mark.parametrize("width, scheme", [(360, "dark"), (1280, "light")])
def test_pages_fit_and_are_accessible(new_page, product, shoot, scheme, width):
    page = new_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    greet(page, product)
    paths = {"task": page.url, "plugins": product.url, "form": product.url + GREETING}
    page.get_by_role("link", name="hello.txt", exact=True).click()
    paths |= {"file": page.url, "data": f"{product.url}workbench/data/"}
    for name, url in {**paths, "tasks": f"{product.url}tasks/"}.items():
        page.goto(url)
        if name == "form":
            expect(form(page).get_by_role("button", name="Submit")).to_be_visible()
        shoot(page, f"{name}-{width}-{scheme}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert barriers(page) == [], name


def test_a_task_is_followed_even_if_its_values_cannot_be_kept(page, product, watch):
    watch.expected.append("status of 500")
    page.route("**/workbench/runs/", lambda route: route.fulfill(status=500, body="{}"))
    greet(page, product)


def test_the_whole_way_works_with_the_keyboard_alone(page, product):
    page.goto(product.url + GREETING)
    form(page).get_by_label("Text").wait_for()
    form(page).get_by_label("Text").focus()
    page.keyboard.type("World")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")  # the first button validates
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/tasks/\d+/$"))
    expect(state(page)).to_have_text("finished")
    page.goto(f"{product.url}workbench/data/")
    preview = page.get_by_role("button", name="Preview hello.txt").first
    preview.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("Hello World!")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(preview).to_be_focused()


def test_pages_speak_german(new_page, product):
    page = new_page(locale="de-DE")
    page.goto(product.url + GREETING)
    expect(page.get_by_role("heading", name="Formular")).to_be_visible()
    expect(form(page).get_by_role("button", name="Absenden")).to_be_visible()
