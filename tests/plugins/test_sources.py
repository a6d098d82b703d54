"""What the source of a plugin says of it, read without running it."""

import pytest

from qhana_plugin_runner.plugins.requirements.lines import RequirementsError
from qhana_plugin_runner.plugins.sources import read_source


def requirements_in(file):
    return [each.requirements for each in read_source(file) if each.requirements]


def texts(file, source):
    file.write_text(source)
    (found,) = read_source(file)
    return (*map(found.text, ("name", "version", "title", "description")), found.tags)


def test_the_long_form_is_described_by_its_literals(tmp_path):
    source = """
import missing

NAME, VERSION = "the-name", "v1.0.0"
_text: str = "What it does, " "in two parts."
TAGS = ["a", "b"]

class It(missing.Base):
    name = NAME
    version: str = VERSION
    description = _text
    tags = TAGS

    def get_api_blueprint(self):
        name = "other"
        return name
"""
    assert texts(tmp_path / "it.py", source) == (
        *("the-name", "v1.0.0", "", "What it does, in two parts."),
        ["a", "b"],
    )


def test_the_short_form_is_described_by_its_decorator_and_docstring(tmp_path):
    source = '''
import missing

@missing.authoring.plugin(
    version="v2", title="It", tags=("a",), type=PluginType.conversion, **missing.more
)
def the_name(number):
    """What it does.

    And more of it.

    Args:
        number: how many.
    """
'''
    assert texts(tmp_path / "it.py", source) == (
        *("the-name", "v2", "It", "What it does.\n\nAnd more of it."),
        ["a"],
    )
    assert read_source(tmp_path / "it.py")[0].text("type") == "conversion"


def test_what_is_computed_is_left_out(tmp_path):
    source = """
class It(Base):
    name = "-".join(["the", "name"])
    version = NOWHERE
    description = f"{name} of {version}"
    tags = [name]
"""
    assert texts(tmp_path / "it.py", source) == ("", "", "", "", [])


def test_a_class_may_name_its_requirements(tmp_path):
    file = tmp_path / "it.py"
    file.write_text("class It(Base):\n    requirements = ['a>=1', 'b']\n")
    assert requirements_in(file) == ["a>=1\nb"]


def test_the_method_may_be_in_any_module_of_a_package_but_its_tests(tmp_path):
    method = "class A:\n    def get_requirements(self):\n        return {}\n"
    (tmp_path / "__init__.py").touch()
    (tmp_path / "part.py").write_text(method.format("'firstpkg>=1'"))
    (tmp_path / "test_part.py").write_text(method.format("text()"))
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "more.py").write_text(method.format("text()"))
    assert requirements_in(tmp_path / "__init__.py") == ["firstpkg>=1"]


def test_a_method_that_says_that_there_is_nothing_is_understood(tmp_path):
    file = tmp_path / "it.py"
    for said in ("NotImplementedError", "NotImplementedError('none')"):
        file.write_text(
            f"class A:\n    def get_requirements(self):\n        raise {said}\n"
        )
        assert requirements_in(file) == []


def test_source_that_is_no_python_is_named(tmp_path):
    file = tmp_path / "it.py"
    file.write_text("class A(:\n")
    with pytest.raises(RequirementsError, match="is not valid Python"):
        requirements_in(file)


def test_the_short_form_is_read(tmp_path):
    file = tmp_path / "it.py"
    file.write_text(
        "import missing\n"
        "from qhana_plugin_runner import authoring\n"
        "from qhana_plugin_runner.authoring import plugin\n\n"
        "@plugin(version='v1', requirements=['a>=1', 'b'])\n"
        "def first(): ...\n\n"
        "@authoring.plugin(version='v1', requirements=('c',))\n"
        "def second(): ...\n\n"
        "@plugin(version='v1')\n"
        "def third(): ...\n"
    )
    assert requirements_in(file) == ["a>=1\nb", "c"]


@pytest.mark.parametrize("computed", ["NEEDS", "[*NEEDS]", "['a', 1]"])
def test_a_short_form_that_computes_what_it_needs_is_named(tmp_path, computed):
    file = tmp_path / "it.py"
    file.write_text(f"@plugin(version='v1', requirements={computed})\ndef first(): ...\n")
    with pytest.raises(RequirementsError, match="line 1 of .* write a list of texts"):
        requirements_in(file)
