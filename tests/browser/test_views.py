"""Visualizations that draw at once: figures and tables, alone, in the workbench, and as files."""

import re
from urllib.parse import urlencode

import pytest
from helpers.chromium import barriers
from helpers.product import CHECKOUT
from playwright.sync_api import expect

from qhana_plugin_runner.client import Runner
from qhana_plugin_runner.testing.data_server import serving_data

PENGUINS = CHECKOUT / "examples" / "penguins.csv"

EVIL = "</script><script>window.pwned = 1</script><img src=x onerror=window.pwned=1>"
LINK = "<a href='javascript:window.pwned=1'>x</a> &amp; <b>%{x}</b>"

KERNEL = [
    {"entity_1_ID": f"e{i}", "entity_2_ID": f"e{j}", "kernel": 1 / (1 + abs(i - j))}
    for i in range(5)
    for j in range(5)
]
LOSS = [{"metric": "loss", "value": 1 / (i + 1), "iteration": i} for i in range(30)]

VIEWS = {
    "scatter-plot": ("penguins", {"color": "species"}, ["bill_length_mm", "Gentoo"]),
    "histogram": ("penguins", {"attribute": "body_mass_g"}, ["body_mass_g", "count"]),
    "heatmap": ("kernel", {}, ["entity_1_ID", "entity_2_ID", "e4"]),
    "metrics-view": ("loss", {}, ["iteration", "loss"]),
    "table-view": ("penguins", {"sort": "body_mass_g"}, []),
}


@pytest.fixture(scope="module")
def files():
    """The URLs of files that are shown."""
    evil = [
        {"ID": EVIL + str(i), EVIL: i, LINK: -i, "k": (EVIL, LINK)[i % 2]}
        for i in range(6)
    ]
    with serving_data() as data:
        yield {
            "penguins": data.put(PENGUINS),
            "kernel": data.put(KERNEL, "kernel.json"),
            "loss": data.put(LOSS, "loss.json"),
            "evil": data.put(evil, "evil.json"),
        }


@pytest.fixture
def view_url(product, files):
    """Make the URL of a page that shows a file."""

    def make(plugin, file, form="plugins/{}@v1-0-0/ui/", **query):
        query = {"data": files[file], "data-url": files[file], **query}
        return f"{product.url}{form.format(plugin)}?{urlencode(query)}"

    return make


def plot(page):
    return page.locator(".qhana-figure .main-svg").first


@pytest.mark.parametrize(
    "plugin, scheme, width",
    [
        ("scatter-plot", "light", 1000),
        ("histogram", "dark", 1000),
        ("heatmap", "dark", 360),
        ("metrics-view", "light", 360),
        ("table-view", "dark", 360),
    ],
)
def test_pages_draw_in_the_colors_of_the_user(
    new_page, view_url, shoot, plugin, scheme, width
):
    page = new_page(color_scheme=scheme, viewport={"width": width, "height": 700})
    file, options, texts = VIEWS[plugin]
    page.goto(view_url(plugin, file, **options))
    if texts:
        expect(plot(page)).to_be_visible()
        color = page.evaluate("getComputedStyle(document.body).color")
        drawn = page.locator(".qhana-figure .xtitle")
        assert drawn.evaluate("text => getComputedStyle(text).fill") == color
    for text in texts:
        label = page.locator(".qhana-figure").get_by_text(text, exact=True).first
        expect(label).to_be_attached()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    shoot(page, f"{plugin}-{scheme}")
    assert barriers(page) == []


@pytest.mark.parametrize("plugin", ["scatter-plot", "histogram", "table-view"])
def test_names_and_values_stay_texts(page, view_url, plugin):
    options = {"scatter-plot": {"color": "k"}, "histogram": {"attribute": "k"}}
    page.goto(view_url(plugin, "evil", **options.get(plugin, {})))
    if plugin == "table-view":
        expect(page.get_by_role("link", name=LINK)).to_be_visible()
    else:
        expect(plot(page)).to_be_visible()
        shown = page.locator(".qhana-figure")
        expect(shown.get_by_text("</script>").first).to_be_attached()
        expect(shown.get_by_text("<a href='javascript:").first).to_be_attached()
        assert shown.locator("a[*|href], img").count() == 0
    assert page.evaluate("window.pwned") is None


def test_a_selection_becomes_a_file_and_nothing_is_shared(page, view_url):
    form = "workbench/plugins/{}@v1-0-0/"
    page.goto(view_url("scatter-plot", "penguins", form, color="species"))
    frame = page.frame_locator("iframe.micro-frontend")
    expect(plot(frame)).to_be_visible()
    assert frame.locator("[data-title^='Share']").count() == 0
    area = frame.locator(".nsewdrag")
    area.scroll_into_view_if_needed()
    expect(area).to_be_in_viewport(ratio=0.9)
    box = area.bounding_box()
    corners = [(0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98), (0.02, 0.05)]
    for step, (x, y) in enumerate(corners):
        page.mouse.move(
            box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4
        )
        if step == 0:
            page.mouse.down()
    page.mouse.up()
    chosen = frame.locator(".qhana-selection [role=status]")
    expect(chosen).to_have_text(re.compile(r"^\d+ selected$"))
    count = int(chosen.inner_text().split()[0])
    assert count > 100
    frame.get_by_role("button", name="Save selection").click()
    page.wait_for_url(re.compile(r"/tasks/\d+/$"))
    expect(page.locator("#task-state strong")).to_have_text("finished")
    origin, _, number = page.url.rstrip("/").rpartition("/tasks/")
    task = Runner(f"{origin}/").task(int(number))
    assert len(task.outputs["selection"].json()) == count


def test_a_host_learns_the_height_of_a_figure(host, view_url):
    host.embed(view_url("histogram", "penguins"))
    host.wait_for("ui-resize")
    expect(plot(host.frame)).to_be_visible()


def test_tables_are_paged_and_sorted_without_scripts(new_page, view_url):
    page = new_page(java_script_enabled=False)
    page.goto(view_url("table-view", "penguins"))
    page.get_by_role("link", name="Next").click()
    expect(page.locator("caption")).to_contain_text("Rows 51 to 100")
    page.get_by_role("link", name="body_mass_g").click()
    page.get_by_role("link", name="body_mass_g").click()
    head = page.get_by_role("columnheader", name="body_mass_g")
    expect(head).to_have_attribute("aria-sort", "descending")
    expect(page.locator("tbody tr").first).to_contain_text("6300")


def test_the_form_offers_attributes_and_shows_another(page, view_url):
    page.goto(view_url("histogram", "penguins"))
    page.get_by_text("Options").click()
    page.get_by_label("Attribute").select_option("species")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".qhana-figure").get_by_text("Chinstrap")).to_be_attached()


def test_what_cannot_be_shown_is_said(page, view_url, files):
    page.goto(view_url("scatter-plot", "penguins", data=files["penguins"] + "gone"))
    expect(page.get_by_role("alert")).to_contain_text("its server answers 404")


def test_a_file_draws_by_itself(page, product, files):
    task = Runner(product.url).submit("histogram", data=files["loss"]).wait(120)
    page.goto(task.outputs["histogram"].href)
    expect(plot(page)).to_be_visible()
