"""The broker that `scripts/run` starts for an instance, as other processes find it."""

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import OperatorError
from .instance_folder import BROKER_FOLDER

if TYPE_CHECKING:
    from redis import Redis

FILE = "valkey.conf"
"""The configuration of a broker, in its folder."""

HOST = "127.0.0.1"

ANSWER_SECONDS = 5.0


def kept_lines(folder: Path) -> dict[str, str]:
    """Return what the last start wrote into the folder of a broker; nothing if there was none.

    Raises:
        OperatorError: the folder cannot be read
    """
    try:
        lines = (folder / FILE).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise unusable(folder, error) from error
    return {name: value for name, _, value in (line.partition(" ") for line in lines)}


def unusable(folder: Path, error: OSError) -> OperatorError:
    """Return the error of a folder that cannot be read or written."""
    return OperatorError(
        f"the broker's folder {folder} cannot be used ({error.strerror}): "
        "change its permissions"
    )


def broker_url(port: int | str, password: str | None) -> str:
    """Return the URL of a broker for its clients, with the password."""
    account = f":{password}@" if password else ""
    return f"redis://{account}{HOST}:{port}/0"


def client_of(folder: Path) -> "Redis":
    """Return a client of the broker that has its data in a folder, whether it runs or not."""
    from redis import Redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    kept = kept_lines(folder)
    port = kept.get("port", "")
    return Redis(
        HOST,
        int(port) if port.isdecimal() else 0,
        password=kept.get("requirepass"),
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )


def answers(client: "Redis", folder: Path) -> bool:
    """Whether the broker of a folder runs: who answers may be another one."""
    from redis.exceptions import RedisError

    try:
        found = client.config_get("dir")["dir"]
    except RedisError:
        return False
    return bool(found == str(folder.resolve()))


def running_broker(instance: str | Path) -> str | None:
    """Return the URL of the broker of an instance; ``None`` while it does not run."""
    folder = Path(instance, BROKER_FOLDER)
    try:
        kept = kept_lines(folder)
        with client_of(folder) as client:
            is_running = answers(client, folder)
    except OperatorError:
        return None
    return broker_url(kept["port"], kept.get("requirepass")) if is_running else None
