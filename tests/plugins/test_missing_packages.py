"""Plugins whose packages are missing are told of, with what brings the packages."""

import logging

import pytest
from helpers.plugins import plugin_source, registry
from helpers.product import CHECKOUT

from qhana_plugin_runner.plugins.about import PluginAbout
from qhana_plugin_runner.plugins.missing import SETS, missing_packages
from qhana_plugin_runner.plugins.requirements.lines import unmet

SHORT = '''
from qhana_plugin_runner.authoring import plugin

@plugin(version="v1.0.0", tags=["many", {tag!r}], requirements={requirements}, outputs={{"o": "x"}})
def {name}(text: str) -> str:
    """Compute it with a **large** package.

    Args:
        text: what to compute.
    """
    import large_package

    return large_package.compute(text)
'''


def short(name="computes", requirements=("large-package>=2",), tag="test"):
    return SHORT.format(name=name, requirements=list(requirements), tag=tag)


def missing(app):
    return {each.about.name: each for each in registry(app).failures if each.about}


def test_it_is_not_served_and_the_others_are(plugins, caplog):
    caplog.set_level(logging.INFO)
    plugins.write("good.py", plugin_source("good"))
    plugins.write("computes.py", short())
    plugins.write("more.py", short("counts") + short("light", requirements=["flask"]))
    app = plugins.app()
    client = app.test_client()
    served = [each["name"] for each in client.get("/plugins/").json["plugins"]]
    assert served == ["good", "light"]
    assert client.get("/plugins/computes@v1-0-0/").status_code == 404
    assert missing(app).keys() == {"computes", "counts"}
    lines = [each for each in caplog.records if "packages are missing" in each.message]
    assert [each.levelname for each in lines] == ["INFO"]
    assert "2 plugins are not served" in lines[0].message
    assert "computes, counts" in lines[0].message


LONG = """
import large_package

raise_what_is_run = large_package.nothing

from qhana_plugin_runner.util.plugins import QHAnaPluginBase

class Large(QHAnaPluginBase):
    name = "large"
    version = "v0.2.0"
    description = "Compute it."
    tags = ["many"]

    def get_requirements(self):
        return "flask\\nlarge-package~=2.0"
"""


def test_the_long_form_is_read_when_its_import_fails_for_a_package(plugins, caplog):
    plugins.write("large.py", LONG)
    app = plugins.app()
    (failure,) = registry(app).failures
    assert failure.name == "large@v0-2-0" and failure.is_note
    assert failure.about.description == "Compute it."
    assert failure.error.startswith("Packages are missing: large-package~=2.0. No module")
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    "change",
    [
        ("large-package~=2.0", "werkzeug"),  # something else is missing
        ('return "flask', 'return str() + "flask'),  # computed
        ("import large_package", "import json; json.loads('')"),  # a fault of its own
    ],
)
def test_other_failures_are_told_as_before(plugins, change):
    plugins.write("large.py", LONG.replace(*change))
    (failure,) = registry(plugins.app()).failures
    assert failure.stage == "import" and not failure.is_note and failure.frames


def test_the_long_form_is_served_when_its_import_works(plugins):
    method = "def get_requirements(self):\n        return 'large-package'\n"
    source = plugin_source("long").replace(
        "    def get_api", f"    {method}\n    def get_api"
    )
    plugins.write("long.py", source)
    app = plugins.app()
    assert registry(app).failures == []
    assert set(registry(app).mounted) == {"long@v1-0-0"}


def test_the_long_form_may_ask_for_the_same(plugins):
    line = 'requirements = ["large-package"]\n    tags = '
    plugins.write("long.py", plugin_source("long").replace("tags = ", line))
    app = plugins.app()
    (found,) = missing(app).values()
    assert found.about.description == "A plugin for tests."
    assert registry(app).mounted == {}


def test_a_blueprint_that_needs_a_missing_package_is_no_alarm(plugins):
    source = plugin_source("long").replace("return BLP", "import large_package")
    method = "    def get_requirements(self):\n        return 'large-package'\n\n"
    source = source.replace("    def get_api", f"{method}    def get_api")
    plugins.write("long.py", source)
    assert missing(plugins.app()).keys() == {"long"}


@pytest.mark.parametrize(
    ("requirement", "is_met"),
    [
        ("flask", True),
        ("Flask_SQLAlchemy >=3", True),
        ("flask<1", False),
        ("flask>=99", False),
        ("no-such-package; python_version < '3'", True),
        ("no-such-package; python_version > '3'", False),
        ("celery[no-such-extra]", True),
        ("celery[redis]", True),
        ("celery[couchbase]", False),
        ("https://example.org/package-1.whl", True),
        ("-r more.txt", True),
    ],
)
def test_versions_markers_and_extras_count(requirement, is_met):
    assert (unmet(requirement) == []) is is_met


@pytest.mark.parametrize("name", SETS)
def test_the_sets_of_a_checkout_are_installed_by_its_script(plugins, name):
    about = PluginAbout("it", tags=("x", name))
    file = str(CHECKOUT / "plugins" / "it" / "__init__.py")
    assert f"`scripts/run --plugins {name}`" in str(
        missing_packages(about, file, []).advice
    )
