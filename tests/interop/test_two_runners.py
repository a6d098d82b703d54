"""A plugin of one product calls a plugin of another one, over HTTP only."""

import json
from pathlib import Path

import pytest
import requests
from helpers.processes import wait_until
from helpers.product import Product

PLUGINS = Path(__file__).with_name("two_runners")

# Limit after which a test gives up. Pauses between two looks at a task grow with its age.
SECONDS = 60


def product(instance: Path, plugins: str, port: int = 0, **environment: str) -> Product:
    environment["PLUGIN_FOLDERS"] = str(PLUGINS / plugins)
    return Product(instance, "--workers", "1", environment=environment, port=port)


def port_of(running: Product) -> int:
    return int(running.url.rstrip("/").rpartition(":")[2])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("two")


@pytest.fixture(scope="module")
def runner_a(folder: Path):
    with product(folder / "a", "a") as running:
        yield running


@pytest.fixture(scope="module")
def runner_b(folder: Path):
    with product(folder / "b", "b") as running:
        yield running


@pytest.fixture
def secluded_b(tmp_path: Path, runner_a: Product):
    """A runner that can be called, but has no way to runner A."""
    nowhere = json.dumps({runner_a.url: "http://127.0.0.1:9/"})
    with product(tmp_path / "b", "b", URL_MAP=nowhere) as running:
        yield running


def start(runner_a: Product, runner_b: Product, **form: str) -> str:
    """Start the plugin on A with that on B, and return the URL of A's task."""
    answer = requests.post(
        f"{runner_a.url}plugins/delegate@v1-0-0/process/",
        data={"pluginUrl": f"{runner_b.url}plugins/interview/", "topic": "tea", **form},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    return answer.url


def wait_for(task_url: str, what: str, condition) -> dict:
    task: dict = {}

    def holds() -> bool:
        task.update(requests.get(task_url, timeout=10).json())
        return condition(task)

    try:
        wait_until(holds, SECONDS, what)
    except AssertionError as error:
        raise AssertionError(f"{error}: {task}") from None
    return task


def open_step(task_url: str) -> dict:
    """Wait until A's task has a step, and return it."""
    task = wait_for(task_url, "a step", lambda task: task.get("steps"))
    (step,) = task["steps"]
    assert task["status"] == "PENDING" and not step["cleared"], task
    return step


def answer(step: dict, text: str) -> None:
    """Complete a step as a person does."""
    response = requests.post(step["href"], data={"answer": text}, timeout=30)
    assert response.status_code == 200, response.text


def ended(task_url: str) -> dict:
    return wait_for(task_url, "the end", lambda task: task["status"] != "PENDING")


def reason_of(task: dict) -> str:
    """Return the one line of a task's log that says why it failed."""
    lines = task["log"].splitlines()
    (line,) = [line for line in lines if line.startswith("Task failed with")]
    return line


def assert_a_has_the_answer(task: dict, runner_a: Product) -> None:
    assert task["status"] == "SUCCESS", task
    assert [step["cleared"] for step in task["steps"]] == [True]
    (output,) = task["outputs"]
    assert output["href"].startswith(runner_a.url)
    assert requests.get(output["href"], timeout=10).text == "TEA: GREEN"


def test_a_waits_for_calls_of_b_links_its_step_and_uses_its_output(runner_a, runner_b):
    task_url = start(runner_a, runner_b, callback="true")
    step = open_step(task_url)
    assert step["stepId"] == "answer"
    assert step["href"].startswith(f"{runner_b.url}plugins/interview@v1-0-0/")
    assert step["uiHref"].startswith(runner_b.url)
    answer(step, "green")
    task = ended(task_url)
    assert_a_has_the_answer(task, runner_a)
    assert "The other runner calls" in task["log"]


def test_a_asks_again_and_again_when_b_cannot_call_it(runner_a, secluded_b):
    task_url = start(runner_a, secluded_b)
    step = open_step(task_url)
    assert step["href"].startswith(secluded_b.url)
    answer(step, "green")
    task = ended(task_url)
    assert_a_has_the_answer(task, runner_a)
    assert "The other runner is asked" in task["log"]


@pytest.mark.parametrize("callback", ["true", "false"])
def test_a_fails_with_the_reason_of_b(runner_a, runner_b, callback):
    task_url = start(runner_a, runner_b, callback=callback)
    answer(open_step(task_url), "no comment")
    task = ended(task_url)
    assert (task["status"], task["outputs"]) == ("FAILURE", [])
    reason = reason_of(task)
    assert "plugins/interview/ failed: " in reason, task
    assert "the person refused to answer" in reason


def test_a_fails_at_once_when_b_is_not_there(runner_a, runner_b):
    plugin_url = "http://127.0.0.1:9/plugins/interview/"
    task = ended(start(runner_a, runner_b, pluginUrl=plugin_url))
    assert task["status"] == "FAILURE"
    assert "127.0.0.1" in reason_of(task)


def test_a_goes_on_when_b_comes_back_and_fails_when_it_comes_back_without_the_task(
    runner_a, tmp_path
):
    with product(tmp_path / "b", "b") as first:
        port = port_of(first)
        urls = [start(runner_a, first) for _ in range(2)]
        step, _other = [open_step(url) for url in urls]
        first.kill()
    with product(tmp_path / "b", "b", port=port) as second:
        statuses = [requests.get(url, timeout=10).json()["status"] for url in urls]
        assert statuses == ["PENDING", "PENDING"]
        answer(step, "green")
        assert_a_has_the_answer(ended(urls[0]), runner_a)
        second.kill()
    with product(tmp_path / "another b", "b", port=port):
        task = ended(urls[1])
    assert task["status"] == "FAILURE"
    assert "404" in reason_of(task)
