"""The sets of plugins that the product brings, and the packages that they need."""

import re
import tomllib

from helpers.commands import in_a_process
from helpers.product import CHECKOUT
from packaging.requirements import Requirement

from qhana_plugin_runner.plugins.missing import SETS
from qhana_plugin_runner.plugins.modules import find_modules
from qhana_plugin_runner.plugins.sources import read_source

PLUGINS = CHECKOUT / "plugins"
FILES = [source.file for source in find_modules([PLUGINS])]


def needed(text):
    return {(each.name, each.specifier) for each in map(Requirement, text.splitlines())}


def test_each_extra_is_what_the_plugins_with_its_tag_need():
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    assert set(extras) == set(SETS)
    wanted = {name: set() for name in SETS}
    for plugin in (each for file in FILES for each in read_source(file)):
        sets = [name for name in SETS if name in plugin.tags]
        assert sets or not plugin.requirements, f"{plugin.file} is in no set"
        for name in sets:
            wanted[name] |= needed(plugin.requirements)
    # No need of its plugin, which reads and writes one format more where the package is.
    convert = (PLUGINS / "entity_convert" / "__init__.py").read_text("utf-8")
    wanted["learning"] |= needed(re.search(r'^PARQUET = "(.+)"$', convert, re.M)[1])
    for name, listed in extras.items():
        assert needed("\n".join(listed)) == wanted[name]


def test_processes_that_show_forms_import_no_large_package():
    imported = in_a_process(f"""
        import sys
        from qhana_plugin_runner.testing.running import plugin_app
        with plugin_app([{str(PLUGINS)!r}]) as app:
            client = app.test_client()
            for each in client.get("/plugins/").json["plugins"]:
                for url in (each["apiRoot"], each["apiRoot"] + "ui/"):
                    assert client.get(url).status_code == 200, url
        print(*{{name.partition(".")[0] for name in sys.modules}})
        """)
    large = "matplotlib numpy pandas plotly pyarrow qiskit scipy sklearn skops networkx"
    assert "flask" in imported and not set(large.split()) & set(imported)
