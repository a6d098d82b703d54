"""``invoke load-git-plugins`` with repositories on this machine."""

import pytest
from helpers.repositories import Repository

from qhana_plugin_runner.plugins.modules import find_modules


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "git-plugins"


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "some-plugins")


@pytest.fixture
def load(invoke, folder):
    def load(*lines, **variables):
        variables.setdefault("GIT_PLUGINS_FOLDER", str(folder))
        return invoke("load-git-plugins", GIT_PLUGINS="\n".join(lines), **variables)

    return load


def loads(result):
    assert result.returncode == 0, result.stderr
    return result.stdout


def fails(result):
    """Return the errors of a task that has failed with one line for each."""
    assert result.returncode == 1, result.stderr
    lines = result.stderr.splitlines()
    assert all(line.startswith("error: ") for line in lines), lines
    return lines


def found(folder):
    """Return what the search for plugins finds: name of the module, and its text."""
    return {m.name: m.file.read_text() for m in find_modules([folder])}


def test_modules_and_packages_of_a_repository_are_found_as_plugins(
    load, repository, folder
):
    repository.commit_files(
        {
            "a_single.py": "one",
            "a_package/__init__.py": "two",
            "a_package/routes.py": "",
            "setup.py": "",
            "conftest.py": "",
            "test_it.py": "",
            "tests/__init__.py": "",
            "no_package/it.py": "",
        }
    )
    output = loads(load("", "# the plugins", f"git+{repository.url}  # mine"))
    assert found(folder) == {"a_single": "one", "a_package": "two"}
    assert output.splitlines() == [
        f"a_package: {repository.url}",
        f"a_single.py: {repository.url}",
    ]


def test_one_that_cannot_be_cloned_costs_no_other(load, repository, folder, tmp_path):
    repository.commit(it="here")
    bad = f"git+file://{tmp_path}/nowhere"
    (line,) = fails(load(bad, f"git+{repository.url}"))
    assert line.startswith(f"error: file://{tmp_path}/nowhere: git failed: fatal: ")
    assert "check URL and ref" in line
    assert found(folder) == {"it": "here"}
    assert len([p for p in folder.glob(".clones/*") if p.is_dir()]) == 1


def test_a_missing_git_is_named_and_what_is_there_stays(
    load, repository, folder, tmp_path
):
    repository.commit(it="here")
    loads(load(f"git+{repository.url}"))
    (line,) = fails(load(f"git+{repository.url}", PATH=str(tmp_path)))
    assert line.startswith("error: git is missing") and "install it" in line
    assert found(folder) == {"it": "here"}


def test_a_folder_that_cannot_be_written_is_named(load, repository):
    repository.commit(it="here")
    (line,) = fails(load(f"git+{repository.url}", GIT_PLUGINS_FOLDER="/proc/nowhere"))
    assert "set GIT_PLUGINS_FOLDER to another one" in line


def test_nothing_listed_is_nothing_to_do(load):
    assert loads(load()) == ""
