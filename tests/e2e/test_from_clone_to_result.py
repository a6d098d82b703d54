"""The product as a stranger meets it: started, given real data, looked at, started again."""

import base64
import csv
import math
import os
import re
import statistics
import subprocess
from pathlib import Path

import nbclient
import nbformat
import pytest
import requests
from helpers.processes import wait_until
from helpers.product import CHECKOUT, Product, outside_environment

PENGUINS = CHECKOUT / "examples" / "penguins.csv"

BROKEN = "import a_package_that_nobody_has\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("e2e")


@pytest.fixture(scope="module")
def product(folder: Path):
    more = folder / "more"
    more.mkdir()
    (more / "sorry.py").write_text(BROKEN, "utf-8")
    (source,) = readme_blocks("python")
    (more / "shout.py").write_text(source, "utf-8")
    folders = f"{CHECKOUT / 'plugins'}:{more}"
    environment = {"PLUGIN_FOLDERS": folders}
    with Product(folder / "instance", environment=environment, first=True) as running:
        yield running


def finished(task_url: str) -> dict:
    """Wait for the end of a task and return its status."""
    task: dict = {}

    def has_ended() -> bool:
        task.update(requests.get(task_url, timeout=10).json())
        return task["status"] != "PENDING"

    wait_until(has_ended, 60, f"{task_url} has ended")
    return task


def start(product: Product, plugin: str, **form) -> str:
    """Post a form as a browser does and return the URL of the task."""
    answer = requests.post(
        f"{product.url}plugins/{plugin}@v1-0-0/process/",
        **form,
        timeout=30,
        allow_redirects=False,
    )
    assert answer.status_code == 303, answer.text
    return requests.compat.urljoin(answer.url, answer.headers["Location"])


def upload(product: Product) -> dict:
    with PENGUINS.open("rb") as file:
        task = finished(start(product, "file-upload", files={"file": file}))
    assert task["status"] == "SUCCESS", task
    return task["outputs"][0]


def test_hello_world_greets_in_a_text_file(product: Product) -> None:
    task = finished(start(product, "hello-world", data={"inputStr": "Ωmega"}))
    assert (task["status"], task["log"]) == ("SUCCESS", "Hello Ωmega!")
    (output,) = task["outputs"]
    file = requests.get(output["href"], timeout=10)
    assert file.content.decode("utf-8") == "Hello Ωmega!"
    assert file.headers["Content-Type"].startswith("text/plain")


def test_an_upload_is_kept_byte_by_byte_with_its_type(product: Product) -> None:
    output = upload(product)
    assert (output["name"], output["contentType"]) == ("penguins.csv", "text/csv")
    assert requests.get(output["href"], timeout=10).content == PENGUINS.read_bytes()


def test_statistics_of_an_uploaded_file_agree_with_another_computation(
    product: Product,
) -> None:
    url = upload(product)["href"]
    task = finished(start(product, "entity-statistics", data={"entitiesUrl": url}))
    assert task["status"] == "SUCCESS", task["log"]
    found = {
        row["ID"]: row
        for row in requests.get(task["outputs"][0]["href"], timeout=9).json()
    }

    with PENGUINS.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 344 and list(found) == list(rows[0])
    for name, column in found.items():
        texts = [row[name] for row in rows if row[name] != "NA"]
        assert column["count"] == len(texts)
        assert column["missing"] == len(rows) - len(texts)
        assert column["distinct"] == len(set(texts))
        if not all(re.fullmatch(r"[\d.]+", text) for text in texts):
            assert column["mean"] is None
            continue
        values = [float(text) for text in texts]
        assert (column["min"], column["max"]) == (min(values), max(values))
        assert math.isclose(column["mean"], statistics.fmean(values), rel_tol=1e-12)
        assert math.isclose(
            column["standardDeviation"], statistics.stdev(values), rel_tol=1e-12
        )


def test_an_upload_to_the_form_gives_the_table_as_a_page(product: Product) -> None:
    with PENGUINS.open("rb") as file:
        task = finished(start(product, "entity-statistics", files={"entitiesFile": file}))
    report = requests.get(task["outputs"][1]["href"], timeout=10)
    assert report.headers["Content-Type"].startswith("text/html")
    assert "body_mass_g" in report.text and "4201.75" in report.text


def test_a_failing_task_tells_the_reason(product: Product) -> None:
    form = {"entitiesUrl": "data:application/json,[{}"}
    task = finished(start(product, "entity-statistics", data=form))
    assert task["status"] == "FAILURE"
    assert "EntityJsonError" in task["log"].splitlines()[0]


def test_a_broken_plugin_costs_only_itself(product: Product) -> None:
    plugins = requests.get(f"{product.url}plugins/", timeout=10).json()["plugins"]
    assert {"hello-world", "file-upload", "entity-statistics"} <= {
        p["name"] for p in plugins
    }
    page = requests.get(product.url, headers={"Accept": "text/html"}, timeout=10).text
    assert "sorry.py" in page and "a_package_that_nobody_has" in page
    assert "sorry.py" in product.log


def test_the_task_page_leads_a_browser_to_the_files(product: Product) -> None:
    task_url = start(product, "hello-world", data={"inputStr": "browser"})
    task = finished(task_url)
    page = requests.get(
        task_url,
        headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"},
        timeout=10,
    )
    assert page.headers["Content-Type"].startswith("text/html")
    assert task["outputs"][0]["href"].replace("&", "&amp;") in page.text


def test_yesterdays_tasks_and_files_are_there_after_a_restart(folder: Path) -> None:
    instance = folder / "restarted"
    with Product(instance) as first:
        task_url = start(first, "hello-world", data={"inputStr": "yesterday"})
        assert finished(task_url)["status"] == "SUCCESS"
        first.stop()
    with Product(instance) as second:
        task_path = task_url.removeprefix(first.url)
        task = requests.get(second.url + task_path, timeout=10).json()
        assert (task["status"], task["log"]) == ("SUCCESS", "Hello yesterday!")
        assert (
            requests.get(task["outputs"][0]["href"], timeout=10).text
            == "Hello yesterday!"
        )
        finished(start(second, "hello-world", data={"inputStr": "today"}))


def readme_blocks(language: str) -> list[str]:
    text = (CHECKOUT / "README.md").read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def test_the_commands_of_the_readme_work_as_written(product: Product) -> None:
    run, describe, with_curl, _call = readme_blocks("bash")
    assert (
        run.strip() == "scripts/run"
    )  # what the product fixture starts, see scripts/run
    (table,) = readme_blocks("text")
    runner = product.url.rstrip("/")
    shown = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", f"{describe.strip()} {runner}"],
        cwd=CHECKOUT,
        env=outside_environment(),
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    assert shown.startswith(table)
    assert "http://127.0.0.1:5005" in with_curl
    shown = subprocess.run(
        [
            "bash",
            "-euo",
            "pipefail",
            "-c",
            with_curl.replace("http://127.0.0.1:5005", runner),
        ],
        cwd=CHECKOUT,
        env={**outside_environment(), "PATH": os.environ["PATH"]},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    assert '"name":"penguins-report.html"' in shown


def test_the_notebook_runs_in_a_kernel(product: Product, monkeypatch) -> None:
    """It uploads, runs a plugin, plots, and answers a step."""
    monkeypatch.setenv("QHANA_URL", product.url)
    notebook = nbformat.read(PENGUINS.with_suffix(".ipynb"), as_version=4)
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not any(cell.outputs for cell in codes), "it is kept without outputs"
    folder = {"metadata": {"path": str(PENGUINS.parent)}}
    nbclient.NotebookClient(notebook, timeout=120, resources=folder).execute()
    results = [
        output.data
        for cell in codes
        for output in cell.outputs
        if output.output_type in ("display_data", "execute_result")
    ]
    shown = "\n".join(data.get("text/plain", "") for data in results)
    assert "<Plugin entity-statistics@v1-0-0>" in shown and "4201.75" in shown
    assert "Step(id='reply'" in shown and "'Hello yourself!'" in shown
    (plot,) = [data["image/png"] for data in results if "image/png" in data]
    assert base64.b64decode(plot).startswith(b"\x89PNG")


def test_the_first_plugin_of_the_readme_works_as_written(
    product: Product, tmp_path: Path
) -> None:
    *_others, call = readme_blocks("bash")
    shown = subprocess.run(
        [*call.split(), "--output", str(tmp_path)],
        env={**outside_environment(), "QHANA_URL": product.url},
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    (file,) = tmp_path.iterdir()
    assert file.read_text("utf-8") == "HELLO"
    assert file.name in shown.stdout
