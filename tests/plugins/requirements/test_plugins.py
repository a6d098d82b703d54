"""Asking plugins, those that cannot be imported included."""

import pytest
from helpers.plugins import isolated_plugins

from qhana_plugin_runner.plugins.requirements.lines import RequirementsError
from qhana_plugin_runner.plugins.requirements.plugins import (
    brings_tests,
    collect,
    requirements_in_source,
)


@pytest.fixture
def ask(tmp_path, folder):
    (tmp_path / "isolated").mkdir()
    with isolated_plugins(tmp_path / "isolated") as plugins:
        yield lambda **options: collect(plugins.app(folder), **options)


def texts(collected):
    return [(r.owner, r.text) for r in collected.requirements]


def test_plugins_are_asked(ask, bring):
    bring("asks")
    assert texts(ask()) == [
        ("asks@v1-0-0", "firstpkg[fast]~=1.0"),
        ("asks@v1-0-0", 'secondpkg>=2; python_version >= "3"'),
    ]


def test_a_plugin_without_the_method_needs_nothing(ask, folder):
    (folder / "quiet.py").write_text(
        "from qhana_plugin_runner.util.plugins import QHAnaPluginBase\n"
        "class Quiet(QHAnaPluginBase):\n    name = 'quiet'\n    version = '1'\n"
    )
    collected = ask()
    assert (collected.requirements, collected.failures) == ([], {})


def test_a_plugin_that_cannot_be_imported_is_read(ask, bring, folder):
    bring("needs_missing")
    assert texts(ask()) == [(str(folder / "needs_missing.py"), "firstpkg>=1")]


@pytest.mark.parametrize("method", ["__init__", "init_app"])
def test_a_plugin_that_cannot_be_instantiated_is_read(ask, folder, method):
    source = """
from qhana_plugin_runner.util.plugins import QHAnaPluginBase

class Base(QHAnaPluginBase):
    pass

class Late(Base):
    name, version = "late", "1"

    def METHOD(self, app):
        import no_such_package

    def get_requirements(self):
        return "colorama==0.4.6"
"""
    (folder / "late.py").write_text(source.replace("METHOD", method))
    found = ask()
    assert texts(found) == [(str(folder / "late.py"), "colorama==0.4.6")]
    assert found.failures == {}


def test_a_plugin_that_computes_what_it_needs_is_named(ask, bring, folder):
    bring("computes_missing", "asks")
    collected = ask()
    file = str(folder / "computes_missing.py")
    assert set(collected.failures) == {file}
    assert collected.failures[file].startswith(f"line 15 of {file}: get_requirements()")
    assert {owner for owner, _ in texts(collected)} == {"asks@v1-0-0"}


def test_a_plugin_that_raises_costs_itself_only(ask, bring):
    bring("raises", "asks")
    collected = ask()
    cause = "get_requirements() raised LookupError: no file of requirements"
    assert collected.failures == {"raises@v1-0-0": cause}
    assert len(collected.requirements) == 2


def test_a_line_that_cannot_be_read_costs_that_plugin_only(ask, bring, folder):
    bring("asks")
    source = (folder / "asks.py").read_text()
    source = source.replace('"asks"', '"odd"').replace("secondpkg>=2", "-r more.txt")
    (folder / "odd.py").write_text(source)
    collected = ask()
    assert 'line 2 of the requirements, "-r more.txt ' in collected.failures["odd@v1-0-0"]
    assert {owner for owner, _ in texts(collected)} == {"asks@v1-0-0"}


def test_a_plugin_that_returns_no_text_is_named(ask, bring, folder):
    bring("asks")
    source = (folder / "asks.py").read_text()
    (folder / "asks.py").write_text(
        source.replace("return ", "return [").replace("'3'\"", "'3'\"]")
    )
    (failure,) = ask().failures.values()
    assert failure.startswith("get_requirements() returned list: it has to return text")


def test_the_runner_itself_is_left_out(ask, folder, bring):
    bring("asks")
    source = (folder / "asks.py").read_text()
    source = source.replace("firstpkg[fast]~=1.0", "QHAna_plugin.runner>=0.2")
    (folder / "asks.py").write_text(source)
    assert [text.split(">")[0] for _, text in texts(ask())] == ["secondpkg"]


def test_only_packages_that_bring_tests_are_asked_when_wanted(ask, folder, bring):
    bring("asks")
    package = folder / "tested"
    (package / "tests").mkdir(parents=True)
    source = (folder / "asks.py").read_text().replace('"asks"', '"tested"')
    (package / "__init__.py").write_text(source)
    assert {owner for owner, _ in texts(ask(only_with_tests=True))} == {"tested@v1-0-0"}


def test_tests_may_be_files_in_the_package(folder):
    assert not brings_tests(folder / "__init__.py")
    (folder / "test_it.py").touch()
    assert brings_tests(folder / "__init__.py")
    assert not brings_tests(folder / "single.py")


def test_the_method_may_be_in_any_module_of_a_package_but_its_tests(folder, bring):
    bring("needs_missing", "computes_missing")
    (folder / "tests").mkdir()
    (folder / "computes_missing.py").rename(folder / "tests" / "computes_missing.py")
    (folder / "__init__.py").touch()
    (text,) = requirements_in_source(folder / "__init__.py")
    assert text.split() == ["firstpkg>=1"]


def test_a_method_that_says_that_there_is_nothing_is_understood(tmp_path):
    file = tmp_path / "it.py"
    for said in ("NotImplementedError", "NotImplementedError('none')"):
        file.write_text(
            f"class A:\n    def get_requirements(self):\n        raise {said}\n"
        )
        assert requirements_in_source(file) == []


def test_source_that_is_no_python_is_named(tmp_path):
    file = tmp_path / "it.py"
    file.write_text("class A(:\n")
    with pytest.raises(RequirementsError, match="is not valid Python"):
        requirements_in_source(file)


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
    assert requirements_in_source(file) == ["a>=1\nb", "c"]


@pytest.mark.parametrize("computed", ["NEEDS", "[*NEEDS]", "['a', 1]"])
def test_a_short_form_that_computes_what_it_needs_is_named(tmp_path, computed):
    file = tmp_path / "it.py"
    file.write_text(f"@plugin(version='v1', requirements={computed})\ndef first(): ...\n")
    with pytest.raises(RequirementsError, match="line 1 of .* write a list of texts"):
        requirements_in_source(file)
