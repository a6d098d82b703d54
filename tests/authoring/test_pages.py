"""The plugin of the tutorial, and the page that shows what is made of it."""

from helpers.author import Author
from helpers.markdown import only_block
from helpers.plugins import isolated_plugins, problems

from qhana_plugin_runner.celery import CELERY

PLUGIN = "/plugins/count-words@v0-1-0/"
SHORT = only_block("tutorial/first-plugin.md", "plugin").text
LONG = only_block("explanation/short-form.md", "plugin").text
WAY_OUT = only_block("explanation/short-form.md", "way-out").text


def seen(source, root):
    with isolated_plugins(root) as plugins:
        author = Author(plugins)
        client = author.serve(source)
        assert problems(author.app) == []
        task = author.run("count-words@v0-1-0", {"text": "to be or not to be"})
        paths = client.get("/api-spec.json").get_json()["paths"]
        return {
            "metadata": client.get(PLUGIN).get_json(),
            "form": client.get(f"{PLUGIN}ui/?text=a").text,
            "paths": {path: paths[path] for path in paths if path.startswith(PLUGIN)},
            "log": task["log"],
            "files": author.outputs(task),
        }


def test_the_page_shows_what_is_made_of_the_plugin(tmp_path):
    (tmp_path / "short").mkdir()
    (tmp_path / "long").mkdir()
    short, long = seen(SHORT, tmp_path / "short"), seen(LONG, tmp_path / "long")
    assert short == long
    assert short["files"] == {"words.txt": b"6\n"}


def test_the_way_out_of_the_page_leads_out(author):
    client = author.serve(f"{SHORT}\n\n{WAY_OUT}")
    assert problems(author.app) == []
    page = client.get(f"{PLUGIN}example/").text
    assert f'href="{PLUGIN}ui/?text=to+be"' in page
    assert CELERY.tasks["count-words@v0-1-0.count_words"].time_limit == 60
