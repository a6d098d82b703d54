"""The examples on the pages of plugins do what they say."""

import os
import subprocess
import sys

import pytest
import requests
from helpers.html_tree import read_html
from helpers.product import CHECKOUT


@pytest.fixture
def examples(url, token):
    """Return the examples on the page of a plugin by their titles."""

    def examples(identifier):
        answer = requests.get(
            f"{url}/workbench/plugins/{identifier}/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        page = read_html(answer.text)
        return {
            each.one("summary").text.strip(): each.one("code").text
            for each in page.all("details", class_="example")
        }

    return examples


@pytest.mark.parametrize("identifier", ["hello-world@v1-0-0", "file-upload@v1-0-0"])
@pytest.mark.parametrize(
    "title", ["curl", "Python (requests)", "Python (qhana_plugin_runner.client)"]
)
def test_example_runs_a_plugin(examples, token, tmp_path, identifier, title):
    (tmp_path / "data.bin").write_text("a,b\n1,2\n")
    (tmp_path / "data.csv").write_text("a,b\n1,2\n")
    text = examples(identifier)[title]
    command = ["sh", "-c", text] if title == "curl" else [sys.executable, "-c", text]
    result = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "QHANA_TOKEN": token, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert token not in text
    shown = "hello.txt" if identifier.startswith("hello") else "data."
    assert shown in result.stdout if "client" in title else "/tasks/" in result.stdout
