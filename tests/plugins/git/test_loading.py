"""Plugins from repositories on this machine."""

import os
import shutil

import pytest
from helpers.repositories import Repository

from qhana_plugin_runner.plugins.git import load_git_plugins
from qhana_plugin_runner.plugins.modules import find_modules


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "git-plugins"


@pytest.fixture
def repository(tmp_path):
    return Repository(tmp_path / "some-plugins")


def found(folder):
    """Return what the search for plugins finds: name of the module, and its text."""
    return {m.name: m.file.read_text() for m in find_modules([folder])}


@pytest.fixture
def load(folder):
    return lambda *lines: load_git_plugins("\n".join(lines), folder)


def loads(loaded):
    assert loaded.errors == []


def fails(loaded):
    """Return the errors, which are one line each."""
    assert all("\n" not in error for error in loaded.errors)
    return loaded.errors


def test_a_repository_that_is_a_plugin_is_found_under_its_name(load, repository, folder):
    repository.commit(__init__="all")
    loads(load(f"git+{repository.url}"))
    assert found(folder) == {"some-plugins": "all"}


@pytest.mark.parametrize("inner", ["deep/plugins", "/deep/plugins/", "./deep/plugins"])
def test_plugins_may_be_in_a_subdirectory(load, repository, folder, inner):
    repository.commit_files({"deep/plugins/it.py": "here", "other.py": ""})
    loads(load(f"git+{repository.url}#egg=x&subdirectory={inner}"))
    assert found(folder) == {"it": "here"}


def test_folders_of_plugins_can_be_named_as_in_the_repository(load, repository, folder):
    repository.commit_files({"stable/ml/clusters/it.py": "here", "stable/README": ""})
    loads(load(f"git+{repository.url}#subdirectory=/stable"))
    assert found(folder) == {}
    assert found(folder / "ml" / "clusters") == {"it": "here"}


def test_a_subdirectory_may_be_a_plugin(load, repository, folder):
    repository.commit_files({"deep/it/__init__.py": "here"})
    loads(load(f"git+{repository.url}#subdirectory=deep/it"))
    assert found(folder) == {"it": "here"}


@pytest.mark.parametrize("kind", ["branch", "tag", "annotated", "commit", "short"])
def test_a_branch_a_tag_or_a_commit_can_be_named(load, repository, folder, kind):
    commit = repository.commit(it="first")
    repository.git("branch", "feature/first")
    repository.git("tag", "v1")
    repository.git("tag", "--annotate", "--message", "one", "v1.1")
    repository.commit(it="second")
    ref = {
        "branch": "feature/first",
        "tag": "v1",
        "annotated": "v1.1",
        "commit": commit,
        "short": commit[:7],
    }[kind]
    for _ in range(2):
        loads(load(f"git+{repository.url}@{ref}"))
        assert found(folder) == {"it": "first"}


def test_the_second_run_updates(load, repository, folder):
    repository.commit(it="first", gone="soon")
    loads(load(f"git+{repository.url}@main"))
    (folder / "it.py").write_text("changed by somebody")
    (repository.folder / "gone.py").unlink()
    repository.commit(it="second", more="new")
    loads(load(f"git+{repository.url}@main"))
    assert found(folder) == {"it": "second", "more": "new"}


def test_a_clone_is_shallow(load, repository, folder):
    repository.commit(it="first")
    repository.commit(it="second")
    loads(load(f"git+{repository.url}"))
    (shallow,) = folder.glob(".clones/*/.git/shallow")
    assert shallow.read_text().strip() == repository.git("rev-parse", "HEAD")


def test_plugins_that_are_no_longer_listed_are_taken_away(load, repository, folder):
    repository.commit(it="first")
    loads(load(f"git+{repository.url}"))
    (folder / "mine.py").write_text("my own")
    loads(load())
    assert found(folder) == {"mine": "my own"}


def test_one_that_cannot_be_updated_keeps_its_plugins(load, repository, folder):
    repository.commit(it="here")
    loads(load(f"git+{repository.url}"))
    repository.folder.rename(repository.folder.with_name("moved"))
    assert len(fails(load(f"git+{repository.url}"))) == 1
    assert found(folder) == {"it": "here"}


def test_a_killed_git_does_not_stop_the_next_run(load, repository, folder):
    repository.commit(it="first")
    loads(load(f"git+{repository.url}"))
    (clone,) = folder.glob(".clones/*/.git")
    (clone / "index.lock").touch()
    repository.commit(it="second")
    loads(load(f"git+{repository.url}"))
    assert found(folder) == {"it": "second"}


def test_an_unknown_ref_is_named(load, repository):
    repository.commit(it="")
    (line,) = fails(load(f"git+{repository.url}@nothing"))
    assert "nothing" in line
    (line,) = fails(load(f"git+{repository.url}@abcdef1"))
    assert "no branch, tag or commit 'abcdef1'" in line


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("https://example.com/a.git", "write it like git+https://"),
        ("git+--upload-pack=touch /tmp/x", "write it like git+https://"),
        ("git+ext://sh -c x", "write it like git+https://"),
        ("git+ext://host/x", "'ext' is not a scheme"),
        ("git+ssh://-oProxyCommand=x/a", "a host cannot start with a dash"),
        ("git+ssh://me@-oProxyCommand=x/a", "a host cannot start with a dash"),
        ("git+https://example.com/a@--upload-pack=x", "is not a branch, tag or commit"),
        ("git+https://example.com/a@main:refs/heads/x", "is not a branch, tag or commit"),
        ("git+https://example.com/a@", "is not a branch, tag or commit"),
        ("git+https://example.com/a#subdirectory=../x", "is not inside"),
        ("git+https://example.com/a#subdirectory=%2E%2E/x", "is not inside"),
        ("git+https://example.com/a#subdirectory=//etc", "is not inside"),
        ("git+https://example.com/a#folder=x", "write #subdirectory=FOLDER"),
    ],
)
def test_a_bad_line_is_named_with_its_number(load, repository, folder, line, said):
    repository.commit(it="here")
    (error,) = fails(load(f"git+{repository.url}", line))
    shown = line.replace("me@", "")
    assert error.startswith(f"line 2 of GIT_PLUGINS, {shown!r}: ")
    assert said in error
    assert found(folder) == {"it": "here"}


def test_a_subdirectory_that_leads_out_of_the_clone_is_refused(
    load, repository, folder, tmp_path
):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.py").touch()
    os.symlink(tmp_path / "outside", repository.folder / "inside")
    repository.commit(it="")
    (line,) = fails(load(f"git+{repository.url}#subdirectory=inside"))
    assert "has no folder 'inside'" in line
    assert found(folder) == {}


def test_a_repository_without_plugins_is_named(load, repository):
    repository.commit_files({"README.md": ""})
    (line,) = fails(load(f"git+{repository.url}"))
    assert "it contains no plugin: name the folder" in line


@pytest.mark.parametrize(
    ("file", "name"),
    [("it.py", "it"), ("it/__init__.py", "it"), ("__init__.py", "some-plugins")],
    ids=["module", "package", "root"],
)
def test_one_repository_at_two_refs_gives_two_plugins(
    load, repository, folder, file, name
):
    repository.commit_files({file: "first"})
    repository.git("tag", "v1")
    repository.commit_files({file: "second"})
    url = f"git+{repository.url}"
    for _ in range(2):
        loads(load(f"{url}@v1", url, url))
        assert found(folder) == {name: "first", f"{name}__2": "second"}
    loads(load(url))
    assert found(folder) == {name: "second"}


def test_a_file_of_somebody_else_is_not_replaced(load, repository, folder):
    repository.commit(it="theirs")
    folder.mkdir()
    (folder / "it.py").write_text("mine")
    (line,) = fails(load(f"git+{repository.url}"))
    assert "exists already: remove or rename it" in line
    assert found(folder) == {"it": "mine"}


def test_passwords_are_not_shown(load):
    (line,) = fails(load("git+http://me:secret@127.0.0.1:9/a.git"))
    assert "secret" not in line and "//127.0.0.1:9" in line


def test_a_clone_that_was_never_finished_is_made_anew(folder, repository):
    """And git does not take the repository around it for the one that it is to change."""
    repository.commit(plugin="the plugin")
    around = Repository(folder.parent / "around")
    around.commit_files({"kept.txt": "as it was"})
    inside = around.folder / "git-plugins"
    source = f"git+{repository.url}"
    load_git_plugins(source, inside)
    (clone,) = [path for path in (inside / ".clones").iterdir() if path.is_dir()]
    shutil.rmtree(clone)
    (clone / ".git" / "refs").mkdir(parents=True)  # what a killed `git init` leaves
    loaded = load_git_plugins(source, inside)
    assert loaded.errors == []
    assert found(inside) == {"plugin": "the plugin"}
    assert (around.folder / "kept.txt").read_text() == "as it was"
    assert around.git("rev-parse", "--abbrev-ref", "HEAD") == "main"
