"""What is wrong with the surroundings is said in one line, with the fix, and a status that is not 0."""

import pytest
from helpers.commands import flask

NOWHERE = "postgresql://127.0.0.1:9/runner"  # the port of the discard service


def the_line(result):
    """Return the one line that a command has written before it failed, beside its log."""
    assert result.returncode == 2, (result.stdout, result.stderr)
    assert result.stdout == ""
    (line,) = (each for each in result.stderr.splitlines() if " INFO " not in each)
    return line


@pytest.fixture
def instance(tmp_path):
    return tmp_path / "instance"


@pytest.fixture
def broken(instance):
    """An instance whose config.toml ends too early."""
    instance.mkdir()
    (instance / "config.toml").write_text("DEFAULT_FILE_STORE = [")
    return instance


FLASK_COMMANDS = [("create-db",), ("drop-db",), ("db", "upgrade"), ("run", "--port", "0")]


@pytest.mark.parametrize("command", FLASK_COMMANDS, ids=" ".join)
def test_flask_names_the_broken_file_of_settings(broken, command):
    line = the_line(flask(broken, *command))
    assert line.startswith(f"Error: {broken}/config.toml cannot be read: Invalid value")


@pytest.mark.parametrize("command", ["worker", "start-gunicorn"])
def test_invoke_names_the_broken_file_of_settings(invoke, broken, command):
    line = the_line(invoke(command))
    assert line.startswith(f"error: {broken}/config.toml cannot be read: Invalid value")


def test_flask_says_that_the_instance_folder_cannot_be_written():
    line = the_line(flask("/proc/nowhere", "create-db"))
    assert "/proc/nowhere/secret_key, cannot be stored" in line
    assert "make the instance folder writable, choose another one with" in line


@pytest.mark.parametrize("command", ["worker", "start-gunicorn"])
def test_invoke_says_that_the_instance_folder_cannot_be_written(invoke, command):
    line = the_line(invoke(command, QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER="/proc/nowhere"))
    assert "make the instance folder writable, choose another one with" in line


@pytest.mark.parametrize("command", FLASK_COMMANDS[:3], ids=" ".join)
def test_flask_says_that_the_database_cannot_be_reached(instance, command):
    line = the_line(flask(instance, *command, SQLALCHEMY_DATABASE_URI=NOWHERE))
    url = NOWHERE.replace("postgresql", "postgresql+psycopg")
    assert line.startswith(f"Error: the database {url} cannot be reached")
    assert line.endswith("start it, or change SQLALCHEMY_DATABASE_URI")


def test_passwords_of_databases_are_not_shown(instance):
    uri = NOWHERE.replace("//", "//me:secret@")
    line = the_line(flask(instance, "create-db", SQLALCHEMY_DATABASE_URI=uri))
    assert "me:***@127.0.0.1" in line and "secret" not in line


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("nonsense", "must be a database URL like postgresql+psycopg://"),
        ("oracle://host/name", "the driver of the database oracle is missing"),
        ("sqlite:////proc/nowhere/runner.db", "cannot be reached"),
    ],
)
def test_flask_says_what_is_wrong_with_the_address_of_a_database(instance, uri, said):
    assert said in the_line(flask(instance, "create-db", SQLALCHEMY_DATABASE_URI=uri))


@pytest.mark.parametrize("port", ["99999", "-1"])
@pytest.mark.parametrize("command", ["start-broker", "start-gunicorn"])
def test_a_port_that_is_none_is_named(invoke, command, port):
    line = the_line(invoke(command, f"--port={port}"))
    assert line == f"error: {port} is not a port: choose one from 1 to 65535"


def test_a_port_of_the_environment_that_is_none_is_named(invoke):
    line = the_line(invoke("start-broker", REDIS_PORT="redis"))
    assert line == "error: redis is not a port: choose one from 1 to 65535"
