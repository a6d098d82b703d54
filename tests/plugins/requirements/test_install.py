"""``flask install`` in an environment of its own, with packages from a folder."""

import json
import shutil
import subprocess
import sysconfig
import venv
from importlib.metadata import distributions, version
from pathlib import Path

import pytest
from helpers.product import CHECKOUT, outside_environment
from helpers.wheels import build_wheel

from qhana_plugin_runner.util.library_folders import package_folders

SECONDS = 180


def site_packages(environment):
    base = {"base": str(environment), "platbase": str(environment)}
    return Path(sysconfig.get_path("purelib", vars=base))


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """An environment that sees the runner and its packages, and pip, and may be changed."""
    root = tmp_path_factory.mktemp("environment")
    venv.create(root, symlinks=True)
    paths = [str(CHECKOUT), *package_folders()]
    text = "".join(f"{path}\n" for path in paths)
    (site_packages(root) / "runner.pth").write_text(text, "utf-8")
    return root


def packages_in(environment):
    found = distributions(path=[str(site_packages(environment))])
    pairs = [(distribution.name, distribution.version) for distribution in found]
    return {name: number for name, number in pairs if name.endswith("pkg")}


@pytest.fixture
def wheels(tmp_path):
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    build_wheel(wheels, "firstpkg", "1.2", "thirdpkg<2")
    build_wheel(wheels, "secondpkg", "2.0")
    build_wheel(wheels, "thirdpkg", "1.0")
    build_wheel(wheels, "thirdpkg", "2.0")
    return wheels


@pytest.fixture
def run(environment, wheels, folder, tmp_path):
    """Run a command with the Python of the environment."""

    def run(*arguments, **variables):
        return subprocess.run(
            [environment / "bin" / "python", "-m", *arguments],
            env=outside_environment(
                QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(tmp_path / "instance"),
                PLUGIN_FOLDERS=str(folder),
                FLASK_SKIP_DOTENV="1",
                PIP_NO_INDEX="1",
                PIP_FIND_LINKS=str(wheels),
                **variables,
            ),
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    yield run
    for path in site_packages(environment).glob("*pkg*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.fixture
def install(run):
    def install(*arguments):
        return run("flask", "--app", "qhana_plugin_runner", "install", *arguments)

    return install


@pytest.fixture
def installed(environment):
    """Return versions by name of the packages of the tests that are installed."""
    return lambda: packages_in(environment)


def test_what_plugins_need_is_installed_and_then_they_load(
    install, installed, run, bring
):
    bring("asks", "needs_missing")
    result = install()
    assert result.returncode == 0, result.stderr
    assert installed() == {"firstpkg": "1.2", "secondpkg": "2.0", "thirdpkg": "1.0"}
    assert "failed" not in result.stderr  # the very import that it repairs
    again = run("flask", "--app", "qhana_plugin_runner", "install", "--dry-run")
    assert "needs-missing@v1-0-0" in again.stdout and "failed" not in again.stderr


def test_the_packages_of_one_plugin_are_installed(run, installed, bring):
    bring("asks", "needs_missing")
    command = ("flask", "--app", "qhana_plugin_runner", "plugin", "install")
    result = run(*command, "needs_missing", "--json")
    assert result.returncode == 0, result.stderr
    assert len(json.loads(result.stdout)["requirements"]) == 1
    assert set(installed()) == {"firstpkg", "thirdpkg"}
    result = run(*command, "nobody")
    assert result.returncode == 2
    assert (
        "Error: there is no plugin 'nobody', nor one with this tag: `flask plugin list`"
        in result.stderr
    )


def test_a_dry_run_prints_the_requirements_and_changes_nothing(install, installed, bring):
    bring("asks", "needs_missing")
    result = install("--dry-run")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[:2] == [
        "firstpkg[fast]~=1.0  # asks@v1-0-0",
        'secondpkg>=2; python_version >= "3"  # asks@v1-0-0',
    ]
    assert lines[2].startswith("firstpkg>=1  # ")
    assert f"flask=={version('flask')}  # the runner" not in lines
    assert f"flask=={version('flask')}" in lines[3:]
    alone = install("--dry-run", "--skip-runner-dependencies")
    assert alone.stdout.splitlines() == lines[:3]
    told = json.loads(install("--dry-run", "--json").stdout)
    first = {"owner": "asks@v1-0-0", "requirement": "firstpkg[fast]~=1.0"}
    assert told["requirements"][0] == first
    assert (told["conflicts"], told["skipped"]) == ([], {})
    assert installed() == {}


def test_a_conflict_is_a_table_and_nothing_is_changed(install, installed, bring, folder):
    bring("asks")
    source = (folder / "asks.py").read_text().replace('"asks"', '"other"')
    source = source.replace("firstpkg[fast]~=1.0", "firstpkg>=2").replace(
        "secondpkg>=2", "flask<2"
    )
    (folder / "other.py").write_text(source)
    result = install()
    assert (result.returncode, result.stdout) == (1, "")
    rows = [line.split(" | ") for line in result.stderr.splitlines() if " | " in line]
    assert [[cell.strip() for cell in row] for row in rows if "---" not in row[0]] == [
        ["plugin", "requirement", "conflicts with"],
        ["asks@v1-0-0", "firstpkg[fast]~=1.0", "other@v1-0-0: firstpkg>=2"],
        [
            "other@v1-0-0",
            'flask<2; python_version >= "3"',
            f"the runner: flask=={version('flask')}",
        ],
    ]
    assert result.stderr.splitlines()[-1].startswith("Error: nothing was installed")
    assert installed() == {}


def test_a_deeper_conflict_that_only_pip_sees_is_said_in_one_line(
    install, installed, bring, folder
):
    bring("asks")
    source = (folder / "asks.py").read_text().replace("secondpkg>=2", "thirdpkg>=2")
    (folder / "asks.py").write_text(source)
    result = install()
    assert result.returncode == 1
    line = result.stderr.splitlines()[-1]
    assert line.startswith(
        "Error: nothing was installed because pip refuses: Cannot install "
    )
    # Newer versions of pip leave out the extra.
    assert " 1.2 depends on thirdpkg<2" in line
    assert installed() == {}


def test_a_package_that_is_not_there_leaves_the_others_alone(
    install, installed, bring, wheels
):
    bring("asks")
    (wheels / "thirdpkg-1.0-py3-none-any.whl").unlink()
    result = install()
    assert result.returncode == 1
    assert "thirdpkg<2" in result.stderr.splitlines()[-1]
    assert installed() == {}


def test_a_plugin_that_cannot_be_asked_is_named_and_the_others_get_theirs(
    install, installed, bring
):
    bring("asks", "raises", "computes_missing")
    result = install()
    assert result.returncode == 0, result.stderr
    skipped = [line for line in result.stderr.splitlines() if line.startswith("skipped")]
    assert len(skipped) == 2
    assert installed()["firstpkg"] == "1.2"


def test_without_requirements_pip_is_not_called(install):
    result = install()
    assert (result.returncode, result.stdout) == (0, "no plugin needs any packages\n")


def test_invoke_installs_and_passes_the_status_on(run, installed, bring, wheels):
    bring("asks")
    result = run("invoke", "install-plugin-dependencies")
    assert result.returncode == 0, result.stderr
    assert installed()["secondpkg"] == "2.0"


def test_invoke_fails_when_nothing_can_be_installed(run, bring, wheels):
    bring("asks")
    for wheel in wheels.iterdir():
        wheel.unlink()
    result = run("invoke", "install-plugin-dependencies")
    assert result.returncode == 1
    assert "nothing was installed because pip refuses" in result.stderr
