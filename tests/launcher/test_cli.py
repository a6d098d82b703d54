"""``python -m qhana_plugin_runner``: options, and what is wrong with them."""

import re
import socket
import subprocess
import sys

import pytest
from helpers.product import CHECKOUT, outside_environment


def run(*arguments, cwd=CHECKOUT, **environment):
    """Call the launcher in a way that must fail before any part is started."""
    result = subprocess.run(
        [sys.executable, "-m", "qhana_plugin_runner", "run", *map(str, arguments)],
        env=outside_environment(PYTHONPATH=str(CHECKOUT), **environment),
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "| started" not in result.stdout
    return result


def only_line(result, status=2):
    assert result.returncode == status, result.stderr
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize(
    "port", ["99999", "-1", "abc", "5005.5", "", "\N{SUPERSCRIPT TWO}"]
)
def test_a_wrong_port_is_named(port):
    line = only_line(run(f"--port={port}"))
    assert "Invalid value for '--port'" in line and port in line


def test_an_unknown_option_is_named():
    assert "--prot" in only_line(run("--prot", "5005"))


def test_a_pool_that_does_not_exist_is_named(tmp_path):
    assert "Invalid value for '--pool': 'swimming' is not one of" in only_line(
        run("--pool", "swimming")
    )
    line = only_line(run("--instance", tmp_path, CELERY_WORKER_POOL="diving"))
    assert "there is no pool 'diving': choose one of prefork" in line


def test_a_port_in_use_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = only_line(run("--port", port, "--instance", tmp_path))
    cause = f"port {port} of 127.0.0.1 is in use: choose another with --port"
    assert line == f"error: {cause}"


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "not/a/host"])
def test_a_host_that_is_not_this_machine_is_named(tmp_path, host):
    line = only_line(run("--port", 0, "--host", host, "--instance", tmp_path))
    assert f"{host} is not an address of this machine" in line


def test_an_instance_folder_that_cannot_be_written_is_named(tmp_path):
    file = tmp_path / "file"
    file.touch()
    for folder in (file, file / "instance"):
        line = only_line(run("--port", 0, "--instance", folder))
        assert f"the instance folder {folder} cannot be written" in line
        assert "--instance" in line


def test_a_relative_instance_folder_is_meant_from_where_one_is(tmp_path):
    (tmp_path / "here").touch()
    line = only_line(run("--port", 0, "--instance", "here", cwd=tmp_path))
    assert str(tmp_path / "here") in line
    variable = {"QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER": "here"}
    assert str(tmp_path / "here") in only_line(run("--port", 0, cwd=tmp_path, **variable))


def test_a_broken_configuration_is_named(tmp_path):
    (tmp_path / "config.toml").write_text("PLUGIN_FOLDERS = [")
    line = only_line(run("--port", 0, "--instance", tmp_path))
    assert str(tmp_path / "config.toml") in line


@pytest.mark.parametrize(
    ("uri", "cause"),
    [
        ("sqlite:////no/such/folder/runner.db", "unable to open database file"),
        ("sqlite:///no/such/folder/runner.db", "unable to open database file"),
        (
            "oracle+nothing://host/name",
            "driver of the database oracle.nothing is missing",
        ),
    ],
)
def test_a_database_that_cannot_be_reached_is_named(tmp_path, uri, cause):
    arguments = ("--port", 0, "--instance", tmp_path)
    line = only_line(run(*arguments, SQLALCHEMY_DATABASE_URI=uri))
    assert re.search(cause, line)
    assert "SQLALCHEMY_DATABASE_URI" in line
