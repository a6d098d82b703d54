"""The lessons of the tutorial that work with data: in the workbench, and by the client.

What comes out is compared with scikit-learn and pandas, computed here.
"""

import re
import subprocess
import sys

import pandas
import pytest
from helpers.markdown import only_block
from helpers.product import CHECKOUT, outside_environment
from helpers.workbench import Workbench
from playwright.sync_api import expect
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

EXAMPLES = CHECKOUT / "examples"
LABEL = re.compile(r"^Label( attribute)?$")
# Of the 100,000 that the lesson has, which the client imports.
RIVERS = 5000
MEASURES = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]


@pytest.fixture
def workbench(new_page, product, shoot):
    page = new_page(locale="en-US", viewport={"width": 1280, "height": 900})
    return Workbench(page, product.url, shoot)


@pytest.fixture(scope="module")
def rivers():
    """The script that makes the file of rivers, as a module."""
    sys.path.insert(0, str(EXAMPLES))
    try:
        import make_rivers
    finally:
        sys.path.remove(str(EXAMPLES))
    yield make_rivers
    del sys.modules["make_rivers"]


def table_of(output):
    return pandas.read_csv(output, dtype={"quality": str}, parse_dates=["date"])


def test_a_messy_csv_is_imported(workbench, rivers, tmp_path):
    rivers.write(tmp_path / "rivers.csv", RIVERS)
    columns = (EXAMPLES / "import_rivers.py").read_text("utf-8")
    columns = columns.partition('COLUMNS = """\\\n')[2].partition('"""')[0]

    workbench.open("CSV import")
    workbench.upload(tmp_path / "rivers.csv")
    workbench.submit()
    workbench.wait_for_step()
    workbench.shoot("rivers-guessed")
    workbench.form.get_by_label("Columns").fill(columns)
    workbench.answer()
    workbench.finish()
    workbench.shoot("rivers-imported")

    table = table_of(workbench.download("entities.csv"))
    truth = pandas.DataFrame(rivers.measurements(RIVERS)).rename(columns={"id": "ID"})
    truth["quality"] = truth["quality"].map(
        lambda each: f"{each:.0f}", na_action="ignore"
    )
    truth["date"] = pandas.to_datetime(truth["date"])
    pandas.testing.assert_frame_equal(table, truth, check_dtype=False)

    rows = workbench.show("entities.csv", "Table view")
    expect(rows.get_by_text("Rows 1 to 50")).to_be_visible()
    figure = workbench.show("entities.csv", "Histogram").get_by_role("figure")
    known = truth["water"].count()
    expect(figure).to_have_attribute("aria-label", re.compile(f"water: {known:,} values"))
    expect(figure.locator(".bars")).to_be_visible()
    workbench.shoot("rivers-histogram")


def measured_penguins():
    """Return the penguins that were measured, and their points as scikit-learn finds them."""
    penguins = pandas.read_csv(EXAMPLES / "penguins.csv").dropna(subset=MEASURES)
    scaled = StandardScaler().fit_transform(penguins[MEASURES])
    return penguins, PCA(2).fit_transform(scaled)


def test_penguins_are_clustered(workbench):
    workbench.open("CSV import")
    workbench.upload(EXAMPLES / "penguins.csv")
    workbench.form.get_by_label("Review").uncheck()
    workbench.run()
    workbench.use("entities.csv", "Entity select")
    workbench.paste("Attributes", ["species", *MEASURES])
    workbench.form.get_by_label("Complete").check()
    workbench.run()
    assert "Kept 342 of 344 entities." in workbench.log
    workbench.use("selected.csv", "Scale")
    workbench.run()
    workbench.use("scaled.csv", "Reduce dimensions")
    workbench.run()
    reduced = workbench.page.url
    workbench.use("points.json", "Cluster")
    workbench.run()
    workbench.shoot("penguins-clustered")

    penguins, points = measured_penguins()
    ours = pandas.read_json(workbench.download("labels.json"))
    assert list(ours["ID"]) == list(penguins["ID"])
    expected = KMeans(3, n_init=10, random_state=0).fit_predict(points)
    assert adjusted_rand_score(ours["label"], expected) == 1

    workbench.page.goto(reduced)
    plot = workbench.show("points.json", "Scatter plot")
    plot.get_by_text("Options").click()
    workbench.choose("Labels", "labels.json", plot)
    plot.get_by_role("button", name="Show").click()
    expect(plot.locator(".legend .traces")).to_have_count(3)
    workbench.shoot("penguins-plotted")


def test_moons_are_classified_by_a_classical_and_a_quantum_kernel(workbench):
    workbench.open("CSV import")
    workbench.upload(EXAMPLES / "moons.csv")
    workbench.form.get_by_label("Review").uncheck()
    workbench.run()
    workbench.use("entities.csv", "Split")
    workbench.form.get_by_label("Test share").fill("0.3")
    workbench.form.get_by_label("Stratify").fill("moon")
    workbench.run()
    split = workbench.page.url
    train, test = (
        pandas.read_csv(workbench.download(f"{part}.csv")) for part in ("train", "test")
    )
    workbench.use("train.csv", "Scale")
    workbench.form.get_by_label("Method").select_option("min-max")
    workbench.run()
    scaled = workbench.page.url
    workbench.page.goto(split)
    workbench.use("test.csv", "Scale")
    workbench.choose("Scales", "scales.json")
    workbench.run()

    for method, expected in (
        ("logistic regression", make_pipeline(StandardScaler(), LogisticRegression())),
        ("SVM", make_pipeline(MinMaxScaler(), StandardScaler(), SVC())),
    ):
        workbench.page.goto(scaled)
        workbench.use("scaled.csv", "Classify")
        workbench.form.get_by_label(LABEL).fill("moon")
        workbench.choose("Test entities", "scaled.csv")
        workbench.form.get_by_label("Method").select_option(method)
        workbench.run()
        workbench.shoot(f"moons-{method}")
        metrics = pandas.read_json(workbench.download("metrics.json"))
        accuracy = expected.fit(train[["x", "y"]], train["moon"]).score(
            test[["x", "y"]], test["moon"]
        )
        assert value_of(metrics, "test accuracy") == pytest.approx(accuracy)

    workbench.page.goto(scaled)
    workbench.use("scaled.csv", "Quantum kernel")
    workbench.form.get_by_label(LABEL).fill("moon")
    workbench.choose("Test entities", "scaled.csv")
    workbench.form.get_by_label("Repetitions").fill("1")
    workbench.run()
    kernel = workbench.show("kernel.json", "Heatmap").get_by_role("figure")
    expect(kernel).to_have_attribute("aria-label", re.compile("140 by 140"))
    expect(workbench.shown("circuit.qasm").get_by_role("img")).to_be_visible()
    workbench.shoot("moons-quantum")
    metrics = pandas.read_json(workbench.download("metrics.json"))
    assert value_of(metrics, "test accuracy") > 0.85


def value_of(metrics, name):
    (value,) = metrics[(metrics["metric"] == name)]["value"]
    return value


@pytest.mark.parametrize("page", ["messy-csv", "cluster-penguins", "quantum-kernel"])
def test_the_client_prints_what_the_lesson_shows(product, page):
    command = only_block(f"tutorial/{page}.md", "story").text.split()
    shown = only_block(f"tutorial/{page}.md", "story-output").text
    done = subprocess.run(
        [sys.executable, *command[1:], product.url],
        cwd=CHECKOUT,
        env=outside_environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    printed = [line.rstrip() for line in done.stdout.splitlines()]
    assert printed == shown.splitlines()
