"""Asking plugins, those that cannot be imported included."""

import pytest
from helpers.plugins import isolated_plugins

from qhana_plugin_runner.plugins.requirements.plugins import (
    UnknownPlugin,
    brings_tests,
    collect,
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


def test_plugins_are_named_by_name_file_and_tag(ask, bring, folder):
    bring("asks", "needs_missing")
    file = folder / "tagged.py"
    file.write_text(
        "import missing\n@plugin(version='v1', tags=['sort'], requirements=['thirdpkg'])\n"
        "def of_a_kind(): ...\n"
    )
    third = [(str(file), "thirdpkg")]
    for name in ("sort", "of-a-kind", "tagged", str(file)):
        assert texts(ask(names=[name])) == third
    both = ask(names=["sort", "needs_missing"])
    assert {text for _, text in texts(both)} == {"firstpkg>=1", "thirdpkg"}
    with pytest.raises(UnknownPlugin, match="no plugin 'other', nor one with this tag"):
        ask(names=["sort", "other"])
