"""Tasks for ``invoke``. They load ``.flaskenv`` and ``.env`` like Flask does."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from qhana_plugin_runner.errors import OperatorError, RunnerError
from qhana_plugin_runner.launcher import commands, container, environment
from qhana_plugin_runner.launcher.errors import UsageError
from qhana_plugin_runner.launcher.watch import run_and_watch
from qhana_plugin_runner.plugins.git import load_git_plugins as load_from_git
from qhana_plugin_runner.plugins.licenses import third_party_packages
from qhana_plugin_runner.util.bytecode import bytecode_variables
from qhana_plugin_runner.util.config import is_debug, read_settings

PROJECT = Path(__file__).resolve().parent
environment.load_environment(PROJECT)
INSTANCE = environment.instance_folder(None, PROJECT)
PLUGIN_FOLDERS = (os.environ.get("PLUGIN_FOLDERS") or "plugins").split(":")
os.environ.update(bytecode_variables(INSTANCE, PLUGIN_FOLDERS))


def _run(command: list[str]) -> None:
    """Run a command in this terminal; its exit status becomes that of invoke."""
    print(f"$ {subprocess.list2cmdline(command)}", flush=True)
    with subprocess.Popen(command, cwd=PROJECT) as process:
        before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        while True:
            try:
                status = process.wait()
                break
            except KeyboardInterrupt:
                # The terminal has sent it to the command too, which ends in its way.
                continue
        signal.signal(signal.SIGTERM, before)
    if status:
        raise Exit(code=status if status > 0 else 128 - status)


def _become(command: list[str]) -> None:
    """Go on as another program, which then gets the signals that are meant for this one."""
    print(f"$ {subprocess.list2cmdline(command)}", flush=True)
    os.chdir(PROJECT)
    os.execv(command[0], command)


def _check_settings() -> dict[str, Any]:
    """Return the settings, or say what is wrong with them before many processes do."""
    try:
        return read_settings(INSTANCE, is_debug())
    except OperatorError as error:
        raise Exit(f"error: {error}", code=error.exit_code) from error


def _port(given: int, variable: str, default: int) -> int:
    """Return the port that was given, else that of the environment variable."""
    text = str(given or os.environ.get(variable) or default)
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise Exit(f"error: {text} is not a port: choose one from 1 to 65535", code=2)
    return int(text)


def _with_broker(act: Callable[[Any], Any]) -> Any:
    """Do something with the broker for development."""
    from qhana_plugin_runner.launcher.dev_broker import dev_broker

    try:
        return act(dev_broker(PROJECT, INSTANCE))
    except RunnerError as error:
        raise Exit(f"error: {error}", code=1) from error


@task(help={"port": "port of the broker ($REDIS_PORT, else 6379)"})
def start_broker(c: Context, port: int = 0) -> None:
    """Start a broker in a container, or in the background without containers."""
    port = _port(port, "REDIS_PORT", 6379)
    _with_broker(lambda broker: broker.start(port))
    print(f"the broker runs on port {port}")
    if port != 6379:
        print(f"write BROKER_URL=redis://localhost:{port} into .env for the runner")


@task
def stop_broker(c: Context) -> None:
    """Stop the broker; what is queued in it is kept."""
    stopped = _with_broker(lambda broker: broker.stop())
    print("the broker has stopped" if stopped else "no broker was started")


@task
def reset_broker(c: Context) -> None:
    """Remove the broker with all that is queued in it, also to give it a new port."""
    _with_broker(lambda broker: broker.reset())
    print("the broker is removed")


@task(
    help={
        "pool": "prefork, threads, gevent or solo ($CELERY_WORKER_POOL, else prefork)",
        "concurrency": "number of tasks at a time (number of processors, at most 8)",
        "dev": "start the broker before and stop it afterwards",
        "log-level": "DEBUG, INFO, WARNING, ERROR or CRITICAL",
        "queues": "names of queues, separated by commas (all that the settings name)",
        "name": "name of the worker, %h stands for the host (celery@%h)",
        "periodic-scheduler": "run the scheduler of periodic tasks; only in one worker",
        "watch": "restart when source files change",
    }
)
def worker(
    c: Context,
    pool: str = "",
    concurrency: int = 0,
    dev: bool = False,
    log_level: str = "INFO",
    periodic_scheduler: bool = False,
    watch: bool = False,
    queues: str = "",
    name: str = "",
) -> None:
    """Run a Celery worker until Ctrl-C."""
    _check_settings()
    if periodic_scheduler:
        INSTANCE.mkdir(parents=True, exist_ok=True)
    try:
        pool = commands.worker_pool(pool)
    except RunnerError as error:
        raise Exit(f"error: {error}", code=2) from error
    command = commands.worker_command(
        pool=pool,
        concurrency=concurrency or None,
        queues=[name.strip() for name in queues.split(",") if name.strip()],
        log_level=log_level,
        name=name or None,
        schedule=INSTANCE / "celerybeat-schedule" if periodic_scheduler else None,
    )
    if dev:
        start_broker(c)
    try:
        if watch:
            folders = ["qhana_plugin_runner", *PLUGIN_FOLDERS]
            raise Exit(code=run_and_watch(command, [PROJECT / each for each in folders]))
        if not dev:
            _become(command)
        _run(command)
    finally:
        if dev:
            stop_broker(c)


@task
def celery_status(c: Context) -> None:
    """List the workers that answer."""
    _run(commands.celery_command("status"))


@task
def celery_queues(c: Context) -> None:
    """List the queues that the workers take tasks from."""
    _run(commands.celery_command("inspect", "active_queues"))


@task(help={"what": "active, reserved, scheduled, registered, stats, report, ..."})
def celery_inspect(c: Context, what: str = "active") -> None:
    """Ask the workers what they do."""
    _run(commands.celery_command("inspect", what))


@task
def celery_monitor(c: Context) -> None:
    """Watch workers and their tasks in the terminal."""
    _run(commands.celery_command("events"))


@task
def purge_task_queues(c: Context) -> None:
    """Remove all tasks that wait in the queue; Celery asks before."""
    _run(commands.celery_command("purge"))


@task(
    help={
        "host": "address that the server listens on",
        "port": "port of the server ($SERVER_PORT, else 5005)",
        "workers": "number of processes ($GUNICORN_WORKERS, else 2)",
        "log-level": "debug, info, warning or error ($DEFAULT_LOG_LEVEL, else info)",
    }
)
def start_gunicorn(
    c: Context,
    host: str = "127.0.0.1",
    port: int = 0,
    workers: int = 0,
    log_level: str = "",
) -> None:
    """Run the web server until Ctrl-C, in production mode whatever .flaskenv says."""
    os.environ["FLASK_DEBUG"] = "0"
    _check_settings()
    _become(
        commands.web_command(
            bind=f"{host}:{_port(port, 'SERVER_PORT', 5005)}",
            workers=workers or int(os.environ.get("GUNICORN_WORKERS") or 2),
            log_level=log_level or os.environ.get("DEFAULT_LOG_LEVEL") or "info",
            access_log=True,
        )
    )


@task
def upgrade_db(c: Context) -> None:
    """Bring the database to the current schema."""
    _run(commands.flask_command("db", "upgrade"))


@task
def install_plugin_dependencies(c: Context) -> None:
    """Install what the plugins need, with ``flask install``."""
    _run(commands.flask_command("install"))


@task
def load_git_plugins(c: Context) -> None:
    """Clone or update the plugins of $GIT_PLUGINS into $GIT_PLUGINS_FOLDER."""
    folder = PROJECT / (os.environ.get("GIT_PLUGINS_FOLDER") or "git-plugins")
    try:
        loaded = load_from_git(os.environ.get("GIT_PLUGINS", ""), folder)
    except RunnerError as error:
        raise Exit(f"error: {error}", code=1) from error
    for name, where in loaded.plugins.items():
        print(f"{name}: {where}")
    if loaded.errors:
        raise Exit("\n".join(f"error: {error}" for error in loaded.errors), code=1)


@task
def start_docker(c: Context) -> None:
    """Run what a container is for: the web server, or a worker if $CONTAINER_MODE says so."""
    os.environ["FLASK_DEBUG"] = "0"
    uri = _check_settings()["SQLALCHEMY_DATABASE_URI"]
    # Docker sends SIGTERM, also while plugins are fetched and the database is waited for.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        command = container.container_command(INSTANCE)
        if os.environ.get("GIT_PLUGINS"):
            load_git_plugins(c)
        install_plugin_dependencies(c)
        is_current = container.wait_for_database(uri, INSTANCE, os.environ)
    except UsageError as error:
        raise Exit(f"error: {error}", code=2) from error
    if container.container_mode() == "server" and not is_current:
        upgrade_db(c)
    _become(command)


@task
def doc(c: Context) -> None:
    """Build the documentation into docs/_build/html."""
    _run([sys.executable, "-m", "sphinx", "-b", "html", "docs", "docs/_build/html"])


@task
def update_source_doc(c: Context) -> None:
    """Describe each module of the source in docs/source, apart from the documentation."""
    left_out = (
        "benchmarks",
        "conftest.py",
        "docs",
        "examples",
        "instance",
        "migrations",
        "plugins",
        "tasks.py",
        "tests",
    )
    command = [sys.executable, "-m", "sphinx.ext.apidoc", "--separate", "--force"]
    _run([*command, "-o", "docs/source", ".", *left_out, "typings"])


@task(help={"texts": "print the texts of the licenses as well"})
def list_licenses(c: Context, texts: bool = False) -> None:
    """List the packages that the runner needs, with version and license."""
    for package in third_party_packages():
        print(f"{package.name} {package.version}: {package.license or 'not named'}")
        if texts:
            print(f"\n{package.text or 'The package brings no text.'}\n")


@task
def update_licenses(c: Context) -> None:
    """Say where the page with the licenses comes from; there is no file to update."""
    print(
        f"nothing to update: /licenses/ shows the {len(third_party_packages())} packages "
        "that are installed, read from their metadata"
    )


@task
def update_dependencies(c: Context) -> None:
    """Lock the newest versions of all dependencies; needs Poetry."""
    poetry = shutil.which("poetry")
    if poetry is None:
        raise Exit(
            "error: Poetry is missing: install it with its export plugin "
            "(pipx install poetry && pipx inject poetry poetry-plugin-export)",
            code=1,
        )
    _run([poetry, "lock", "--regenerate"])
    export = ["export", "--format", "requirements.txt", "--with", "docs"]
    _run([poetry, *export, "--output", "docs/requirements.txt"])
