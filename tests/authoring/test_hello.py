"""The smallest plugin in the short form."""

from helpers.plugins import problems

HELLO = '''\
from qhana_plugin_runner.authoring import plugin


@plugin(version="v1.0.0", outputs={"greeting": "custom/greeting"})
def hello_world(name: str) -> str:
    """Greets whoever you name."""
    return f"Hello {name}!"
'''


def test_it_is_listed_described_and_run(author):
    client = author.serve(HELLO)
    assert problems(author.app) == []
    (listed,) = client.get("/plugins/").get_json()["plugins"]
    assert listed["identifier"] == "hello-world@v1-0-0"
    assert listed["description"] == "Greets whoever you name."
    metadata = client.get("/plugins/hello-world@v1-0-0/").get_json()
    assert metadata["title"] == "Hello world"
    assert metadata["entryPoint"]["href"] == "/plugins/hello-world@v1-0-0/process/"
    status = author.run("hello-world@v1-0-0", {"name": "you"})
    assert status["status"] == "SUCCESS"
    assert author.outputs(status) == {"greeting.txt": b"Hello you!"}
    (output,) = status["outputs"]
    assert output["dataType"] == "custom/greeting"
    assert output["contentType"] == "text/plain"


def test_the_form_refuses_what_the_function_could_not_take(author):
    client = author.serve(HELLO)
    answer = client.post("/plugins/hello-world@v1-0-0/process/", data={})
    assert answer.status_code == 422
    assert answer.get_json()["errors"]["form"] == {
        "name": ["Missing data for required field."]
    }
    form = client.post("/plugins/hello-world@v1-0-0/ui/", data={"other": "x"}).text
    assert "Missing data for required field" in form


def test_several_plugins_may_be_in_one_module(author):
    other = HELLO.replace("hello_world", "bye").replace("Hello", "Bye")
    author.serve(HELLO + "\n\n" + other.split("\n\n\n")[1])
    assert problems(author.app) == []
    status = author.run("bye@v1-0-0", {"name": "you"})
    assert author.outputs(status) == {"greeting.txt": b"Bye you!"}
    assert author.run("hello-world@v1-0-0", {"name": "you"})["status"] == "SUCCESS"


def test_annotations_may_be_texts(author):
    author.serve(f"from __future__ import annotations\n{HELLO}")
    assert author.run("hello-world@v1-0-0", {"name": "you"})["status"] == "SUCCESS"
