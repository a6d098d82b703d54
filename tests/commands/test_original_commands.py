"""What people who know the original type and open: commands, pages, and the page that lists them."""

import ast
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager

import pytest
import requests
from dotenv import dotenv_values
from helpers.commands import flask
from helpers.markdown import DOCS
from helpers.processes import wait_until
from helpers.product import CHECKOUT, outside_environment

from qhana_plugin_runner.util.config import SETTINGS

SECONDS = 60
BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PAGE = DOCS / "reference" / "from-the-original.md"

needs_poetry = pytest.mark.skipif(
    not shutil.which("poetry"), reason="Poetry is not on PATH"
)
needs_make = pytest.mark.skipif(not shutil.which("make"), reason="make is not on PATH")


@contextmanager
def flask_run(folder):
    """Run ``flask run`` in the checkout as a person does, but on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log_path = folder / "flask.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "run", "--port", str(port)],
            env=outside_environment(
                QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER=str(folder / "instance"),
                SQLALCHEMY_DATABASE_URI=f"sqlite:///{folder}/runner.db",
            ),
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    url = f"http://127.0.0.1:{port}/"

    def answers():
        assert process.poll() is None, log_path.read_text("utf-8")
        try:
            return requests.get(url, timeout=10).ok
        except requests.ConnectionError:
            return False

    try:
        wait_until(answers, SECONDS, "flask run answers")
        yield url
    except BaseException:
        print(log_path.read_text("utf-8"))
        raise
    finally:
        # In debug mode there is a second process, which is started anew after changes.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_flask_run_serves_the_pages_of_the_original_in_debug_mode(tmp_path):
    pages = ["", "redoc", "rapidoc", "swagger-ui", "debug/", "debug/routes", "licenses/"]
    with flask_run(tmp_path) as url:
        assert requests.get(url, timeout=10).json()["title"]
        assert "paths" in requests.get(f"{url}api-spec.json", timeout=10).json()
        for page in pages:
            answer = requests.get(url + page, headers=BROWSER, timeout=10)
            assert answer.status_code == 200, page
            assert answer.headers["Content-Type"].startswith("text/html"), page


def test_flask_run_listens_on_the_port_that_qhana_expects():
    assert dotenv_values(CHECKOUT / ".flaskenv")["FLASK_RUN_PORT"] == "5005"


def test_flask_db_migrate_writes_a_migration_only_when_the_tables_differ(tmp_path):
    migrations = tmp_path / "migrations"
    shutil.copytree(CHECKOUT / "migrations", migrations)
    before = set(migrations.rglob("*.py"))
    assert flask(tmp_path, "db", "upgrade").returncode == 0

    def new_migrations():
        options = ["-d", str(migrations), "-m", "Initial migration."]
        made = flask(tmp_path, "db", "migrate", *options)
        assert made.returncode == 0, made.stderr
        return sorted(set(migrations.rglob("*.py")) - before)

    assert new_migrations() == []
    with closing(sqlite3.connect(tmp_path / "qhana_plugin_runner.db")) as database:
        table, *_ = database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%Data%'"
        ).fetchone()
        database.execute(f'DROP TABLE "{table}"')
    (made,) = new_migrations()
    assert table in made.read_text("utf-8")


def test_flask_db_help_lists_the_commands(tmp_path):
    shown = flask(tmp_path, "db", "--help")
    assert shown.returncode == 0
    assert {"migrate", "upgrade", "downgrade"} <= set(shown.stdout.split())


def test_sphinx_apidoc_takes_the_arguments_of_the_original(tmp_path):
    command = [sys.executable, "-m", "sphinx.ext.apidoc", "--separate", "--force"]
    left_out = ["./tasks.py", "docs", "plugins", "migrations"]
    subprocess.run(
        [*command, "-o", str(tmp_path), ".", *left_out],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        timeout=120,
    )
    assert (tmp_path / "qhana_plugin_runner.rst").is_file()


@needs_make
def test_make_html_builds_the_documentation():
    shown = subprocess.run(
        ["make", "--dry-run", "html"],
        cwd=DOCS,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert re.search(r"python\S* -m sphinx -b html .* \. _build/html", shown)


@needs_poetry
def test_poetry_finds_the_lock_file_in_order():
    result = subprocess.run(
        ["poetry", "check", "--lock"], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr


@needs_poetry
def test_poetry_exports_the_requirements(tmp_path):
    file = tmp_path / "requirements.txt"
    command = ["poetry", "export", "--format", "requirements.txt", "--with", "docs"]
    result = subprocess.run(
        [*command, "--output", str(file)], cwd=CHECKOUT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    names = {line.partition("==")[0] for line in file.read_text("utf-8").splitlines()}
    assert {"flask", "celery", "sphinx"} <= names


def rows():
    """Return the cells of each row of the tables on the page."""
    lines = PAGE.read_text("utf-8").splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in lines
        if line.startswith("|") and not line.startswith(("| ---", "| Original"))
    ]


def test_the_page_names_tests_that_exist():
    named = [
        name
        for row in rows()
        for name in re.findall(r"`(tests/[^`]*|scripts/\w+)`", row[-1])
    ]
    assert len(named) > 20
    for name in named:
        path, _, function = name.partition("::")
        assert (CHECKOUT / path).exists(), name
        if function:
            source = (CHECKOUT / path).read_text("utf-8")
            assert f"def {function}(" in source, name


# What deployments of the original set.
VARIABLES = """
    BROKER_URL CELERY_QUEUE CELERY_WORKER_POOL CONCURRENCY CONTAINER_MODE DEFAULT_FILE_STORE
    DEFAULT_LOG_LEVEL DOCKER_CMD FLASK_DEBUG FLASK_ENV GIT_PLUGINS GUNICORN_WORKERS
    PERIODIC_SCHEDULER PLUGIN_FOLDERS PLUGIN_REGISTRY_URL QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER
    QHANA_PLUGIN_RUNNER_SETTINGS QHANA_SECRET_KEY REDIS_PORT RESULT_BACKEND
    REVERSE_PROXY_COUNT SERVER_NAME SERVER_PORT SQLALCHEMY_DATABASE_URI URL_MAP
"""


def test_the_page_names_all_variables_and_each_is_read():
    named = {name for row in rows() for name in re.findall("`([A-Z][A-Z_]+)`", row[0])}
    assert named == set(VARIABLES.split())
    read = {variable for setting in SETTINGS for variable in setting.env}
    package = CHECKOUT / "qhana_plugin_runner"
    for file in [CHECKOUT / "tasks.py", *package.rglob("*.py")]:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                # os.environ.get(NAME, ...), os.environ[NAME], and functions of that kind
                case ast.Call(args=[*arguments]):
                    read |= {each.value for each in arguments if is_text(each)}
                case ast.Subscript(slice=ast.Constant(value=str(name))):
                    read.add(name)
    assert named <= read


def is_text(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_each_row_of_the_page_says_how_it_is_checked():
    assert all(len(row) == 3 and all(row) for row in rows())
