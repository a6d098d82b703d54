"""What the workbench answers to a form that wants something chosen."""

import re

import pytest
import requests
from playwright.sync_api import expect

PICTURE = "workbench/plugins/picture@v1-0-0/"


def upload(product, name, content, data_type="entity/list"):
    answer = requests.post(
        f"{product.url}files/",
        files={"file": (name, content)},
        data={"dataType": data_type},
        timeout=30,
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def files(product):
    """Two files, of which the second was made of the first, and one of another type."""
    first = upload(product, "first.csv", b"ID\n1\n")
    second = upload(product, "second.csv", b"ID\n2\n")
    upload(product, "third.txt", b"text", "custom/text")
    run = {
        "resultUrl": second["task"],
        "plugin": "picture@v1-0-0",
        "formData": f"data={first['href']}",
        "dataInputs": [first["href"]],
    }
    answer = requests.post(f"{product.url}workbench/runs/", json=run, timeout=30)
    assert answer.status_code == 204, answer.text
    return first, second


def form(page):
    return page.frame_locator("main iframe.micro-frontend")


def test_a_file_is_chosen_among_results_of_the_right_type(page, product, files):
    page.goto(product.url + PICTURE)
    form(page).get_by_role("button", name="Choose file").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="second.csv")).to_be_visible()
    expect(dialog.get_by_role("button", name="third.txt")).to_have_count(0)
    dialog.get_by_role("searchbox").fill("FIRST")
    dialog.get_by_role("button", name="Search").click()
    expect(dialog.get_by_role("button", name="second.csv")).to_have_count(0)
    dialog.get_by_role("button", name="first.csv").click()
    expect(form(page).get_by_label("Entities")).to_have_value(files[0]["href"])
    expect(form(page).locator(".selected-file-name").first).to_have_text("first.csv")


def test_a_related_file_is_chosen_and_previewed(page, product, files):
    first, second = files
    page.goto(f"{product.url}{PICTURE}?data={requests.utils.quote(first['href'], '')}")
    expect(form(page).locator(".selected-file-name").first).to_have_text("first.csv")
    form(page).get_by_role("button", name="Choose related file").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="second.csv").click()
    expect(form(page).get_by_label("Other")).to_have_value(second["href"])
    form(page).get_by_role("button", name="Preview").last.click()
    expect(dialog.locator("td")).to_have_text("2")
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_an_upload_that_nobody_waits_for_chooses_nothing(page, product, files):
    held = []
    page.route("**/files/", lambda route: held.append(route))
    page.goto(product.url + PICTURE)
    choose = form(page).get_by_role("button", name="Choose file").first
    choose.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Upload a file").click()
    dialog.get_by_label("File", exact=True).set_input_files(
        {"name": "late.csv", "mimeType": "text/csv", "buffer": b"ID\n1\n"}
    )
    with page.expect_request("**/files/"):
        dialog.get_by_role("button", name="Upload and choose").click()
    dialog.get_by_role("button", name="Close").click()
    choose.click()
    dialog.get_by_text("Results of earlier tasks").click()
    second = dialog.get_by_role("button", name="second.csv")
    expect(second).to_be_visible()
    with page.expect_response("**/files/") as answer:
        held[0].continue_()
    answer.value.finished()
    page.evaluate("new Promise(requestAnimationFrame)")
    second.click()
    expect(form(page).get_by_label("Entities")).to_have_value(files[1]["href"])


def test_a_file_of_the_web_is_named_by_its_url(page, product):
    page.goto(product.url + PICTURE)
    form(page).get_by_role("button", name="Choose file").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("File from a URL").click()
    dialog.get_by_label("File URL").fill("http://127.0.0.1:9/data.csv")
    dialog.get_by_role("button", name="Choose", exact=True).click()
    expect(form(page).get_by_label("Entities")).to_have_value(
        "http://127.0.0.1:9/data.csv"
    )


def test_a_plugin_is_chosen_among_those_with_the_tag(page, product):
    page.goto(product.url + PICTURE)
    form(page).get_by_role("button", name="Choose plugin").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Entity statistics")).to_have_count(0)
    dialog.get_by_role("button", name="Hello World v1.0.0", exact=False).first.click()
    expect(form(page).get_by_label("Helper")).to_have_value(
        f"{product.url}plugins/hello-world@v1-0-0/"
    )
    expect(form(page).locator(".selected-plugin-name")).to_contain_text("hello-world")


def test_a_visualisation_shows_a_file_in_the_preview(page, product, files):
    first, _second = files
    page.goto(first["task"])
    link = page.get_by_role("link", name="Picture")
    link.click()
    expect(link).to_have_attribute("aria-current", "true")
    shown = page.frame_locator(".output-preview iframe.micro-frontend[sandbox]")
    expect(shown.locator("#picture")).to_have_text(re.compile(r"/files/\d+/\?file-id="))
    expect(shown.locator("#place")).to_have_text("data-preview")
    table = page.get_by_role("region", name="first.csv")
    expect(table).to_be_hidden()
    page.get_by_role("button", name="Preview").click()
    expect(table).to_be_visible()
    expect(page.locator("iframe, [aria-current=true]")).to_have_count(0)


def test_names_of_attributes_are_those_of_the_chosen_file(page, product, files):
    file = upload(product, "table.csv", b"ID,mass\n1,2\n")
    select = f"{product.url}workbench/plugins/entity-select@v1-0-0/"
    page.goto(f"{select}?entities={requests.utils.quote(file['href'], '')}")
    names = form(page).locator("#attributes-datalist option")
    expect(names).to_have_count(2)
    assert [each.get_attribute("value") for each in names.all()] == ["ID", "mass"]
    form(page).get_by_label("Entities").fill(files[0]["href"])
    form(page).get_by_label("Entities").blur()
    expect(names).to_have_count(1)


def test_escape_chooses_nothing(page, product, files):
    page.goto(product.url + PICTURE)
    form(page).get_by_role("button", name="Choose file").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("first.csv")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(form(page).get_by_label("Entities")).to_have_value("")
