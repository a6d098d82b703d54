"""What is said when pip cannot install; none of these changes anything."""

import sys
import venv

import pytest
from helpers.wheels import build_wheel

from qhana_plugin_runner.plugins.requirements.pip import InstallError, install


@pytest.fixture
def refusal(tmp_path, monkeypatch):
    """Try to install what cannot be, and return what is said."""
    build_wheel(tmp_path, "firstpkg", "1.2", "thirdpkg<2")
    build_wheel(tmp_path, "thirdpkg", "2.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    def refusal(requirements, constraints=()):
        with pytest.raises(InstallError) as caught:
            install(list(requirements), list(constraints))
        assert caught.value.exit_code == 1 and "\n" not in str(caught.value)
        return str(caught.value)

    return refusal


def test_a_line_that_pip_names_by_number_is_shown_with_who_asks_for_it(refusal):
    said = refusal(["firstpkg  # asks", "firstpkg>=1", "thirdpkg>=2"])
    assert "Cannot install 'firstpkg # asks' and thirdpkg>=2" in said
    assert said.endswith("firstpkg 1.2 depends on thirdpkg<2")


def test_a_version_of_the_runner_that_excludes_a_package_is_named(refusal):
    said = refusal(["firstpkg"], ["thirdpkg==2.0"])
    assert "thirdpkg<2" in said and "(constraint) thirdpkg==2.0" in said


def test_a_package_that_is_nowhere_is_named(refusal):
    assert "No matching distribution found for nowherepkg" in refusal(["nowherepkg"])


def test_without_pip_it_is_said_how_to_get_it(refusal, tmp_path, monkeypatch):
    venv.create(tmp_path / "bare", with_pip=False, symlinks=True)
    python = str(tmp_path / "bare" / "bin" / "python")
    monkeypatch.setattr(sys, "executable", python)
    said = refusal(["firstpkg"])
    assert said.endswith(f"it is missing; `{python} -m ensurepip` installs it")
