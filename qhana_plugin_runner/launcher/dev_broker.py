"""A broker for development that runs until it is stopped, apart from any other service.

It needs no password, as the default ``broker_url`` expects it: a container when there is
an engine for containers, else the embedded broker in the background.
"""

import asyncio
import os
import shutil
import subprocess
import time
from pathlib import Path

from dotenv import set_key, unset_key

from ..util.embedded_broker import HOST, answers, client_of
from .broker import EmbeddedBroker
from .errors import LauncherError, UsageError
from .readiness import broker_readiness

_IMAGE = "redis"

# The container of this project, kept in .env.
_CONTAINER_VARIABLE = "REDIS_CONTAINER_ID"

_START_SECONDS = 15.0


def container_engine() -> str | None:
    """Return the command of a container engine that works, if there is one.

    ``DOCKER_CMD`` names it; otherwise docker and podman are tried.
    """
    configured = os.environ.get("DOCKER_CMD")
    for command in [configured] if configured else ["docker", "podman"]:
        if shutil.which(command) and _succeeds(command, "info"):
            return command
    return None


class ContainerBroker:
    """A broker in a container.

    Args:
        engine: command of the container engine
        env_file: the ``.env`` file that keeps the number of the container
    """

    def __init__(self, engine: str, env_file: Path) -> None:
        self._engine = engine
        self._env_file = env_file
        self._container = os.environ.get(_CONTAINER_VARIABLE)

    def start(self, port: int) -> None:
        """Start the container, or make it with this port when there is none."""
        if self._container:
            self._run("start", self._container)
            return
        publish = f"{HOST}:{port}:6379"
        self._container = self._run("run", "--detach", "--publish", publish, _IMAGE)
        os.environ[_CONTAINER_VARIABLE] = self._container
        set_key(self._env_file, _CONTAINER_VARIABLE, self._container, quote_mode="never")

    def stop(self) -> bool:
        """Stop the container; return whether there was one."""
        if self._container:
            self._run("stop", self._container)
        return bool(self._container)

    def reset(self) -> None:
        """Remove the container and all that is queued in it."""
        if self._container:
            self._run("rm", "--force", "--volumes", self._container)
            unset_key(self._env_file, _CONTAINER_VARIABLE)
            del os.environ[_CONTAINER_VARIABLE]
            self._container = None

    def _run(self, *arguments: str) -> str:
        command = [self._engine, *arguments]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            raise LauncherError(
                f"{' '.join(command)} failed ({result.stderr.strip()}): invoke reset-broker "
                "removes the container, then start it again"
            )
        return result.stdout.strip()


class BackgroundBroker:
    """The embedded broker as a process of its own.

    Args:
        folder: holds its data, its configuration and its log
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def start(self, port: int) -> None:
        """Start the server and return when it is ready.

        Raises:
            UsageError: the port is in use, or the folder cannot be written
            LauncherError: the server does not start
        """
        if self._is_running():
            raise UsageError(
                f"the broker in {self._folder} is running already: "
                "stop it with invoke stop-broker"
            )
        broker = EmbeddedBroker(self._folder, port=port, password=False)
        log = self._folder / "log"
        with log.open("ab") as output:
            server = subprocess.Popen(
                broker.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            asyncio.run(asyncio.wait_for(broker_readiness(port, ""), _START_SECONDS))
        except TimeoutError as error:
            server.kill()
            server.wait()
            raise LauncherError(f"the broker does not start: see {log}") from error
        server.returncode = 0  # it outlives this program, which need not wait for it

    def stop(self) -> bool:
        """Stop the server and return when it has ended; return whether it was running."""
        if not self._is_running():
            return False
        with client_of(self._folder) as client:
            client.shutdown()
        while self._is_running():
            time.sleep(0.05)
        return True

    def reset(self) -> None:
        """Stop the server and remove all that is queued in it."""
        self.stop()
        if self._folder.exists():
            shutil.rmtree(self._folder)

    def _is_running(self) -> bool:
        with client_of(self._folder) as client:
            return answers(client, self._folder)


def dev_broker(project: Path, instance: Path) -> ContainerBroker | BackgroundBroker:
    """Return the broker for development that can be had on this machine.

    Args:
        project: holds the ``.env`` file
        instance: the instance folder
    """
    engine = container_engine()
    if engine is not None:
        return ContainerBroker(engine, project / ".env")
    return BackgroundBroker(instance / "dev-broker")


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
