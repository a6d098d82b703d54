"""A plugin in the short form with a worker, and nothing called by hand."""

from helpers.author import Author
from helpers.processes import wait_until
from helpers.worker import QUICK, working

SOURCE = '''\
from qhana_plugin_runner.authoring import Ask, Task, plugin


@plugin(version="v1.0.0", outputs={"greeting": "custom/greeting"})
def greet(task: Task, name: str) -> Ask:
    """Greets whoever you name, when you have said how."""
    (task.folder / "name").write_text(name)
    task.data["name"] = name
    return how.ask(choices={"word": ["Hello", "Bye"]})


@greet.step()
def how(task: Task, word: str) -> str:
    if word == "Bye":
        raise ValueError("stay")
    return f"{word} {task.data['name']} {list(task.folder.iterdir())}"
'''


def test_a_worker_takes_it_from_step_to_step(plugins):
    author = Author(plugins)
    client = author.serve(SOURCE, CELERY=QUICK)

    def status():
        return client.get(task).get_json()

    with working():
        for word, state in (("Hello", "succeeded"), ("Bye", "failed")):
            start = client.post("/plugins/greet@v1-0-0/process/", data={"name": "you"})
            task = start.location
            wait_until(lambda: status().get("steps"), 60, "the step")
            (step,) = status()["steps"]
            client.post(step["href"], data={"word": word})
            wait_until(lambda: status()["status"] != "PENDING", 60, "the end")
            assert status()["state"] == state, status()["log"]
            if word == "Hello":
                assert author.outputs(status()) == {"greeting.txt": b"Hello you []"}
            else:
                assert status()["log"].startswith("Task failed with ValueError: stay\n")
