"""The command ``qhana-plugin-runner``, also ``python -m qhana_plugin_runner``."""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from .errors import RunnerError
from .launcher.commands import POOLS
from .launcher.product import Options, run
from .util.lazy_commands import LazyCommands
from .version import runner_version

_DEFAULT = Options()


LATER = {
    "call": "qhana_plugin_runner.client.command:call",
    "plugin": "qhana_plugin_runner.cli.plugin:plugin",
}
"""Commands that are imported when they are called or listed: name -> ``module:command``."""


@click.group(
    cls=LazyCommands, table=LATER, name="qhana-plugin-runner", no_args_is_help=False
)
@click.version_option(runner_version(), message="%(version)s")
def cli() -> None:
    """Serve QHAna plugins, and use them."""


@cli.command("run")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=_DEFAULT.port,
    help=f"Port of the web server, 0 for any free one ({_DEFAULT.port}).",
)
@click.option(
    "--host",
    default=_DEFAULT.host,
    help=f"Address that the web server listens on ({_DEFAULT.host}).",
)
@click.option(
    "--instance",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of configuration, database, files and queue "
    "($QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER, else ./instance).",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=_DEFAULT.workers,
    help=f"Number of web processes ({_DEFAULT.workers}).",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 1024),
    default=_DEFAULT.concurrency,
    help=f"Number of tasks that run at a time ({_DEFAULT.concurrency}).",
)
@click.option(
    "--pool",
    type=click.Choice(POOLS),
    help="How tasks run: each in a process, in threads, in greenlets, or one at a time "
    "($CELERY_WORKER_POOL, else prefork).",
)
@click.option("--debug", is_flag=True, help="Debug mode: reload code when it changes.")
def run_command(**options: Any) -> None:
    """Start broker, database, worker and web server and keep them running until Ctrl-C.

    With BROKER_URL in the environment no broker is started.
    """
    asyncio.run(run(Options(**options)))


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line asks for.

    Args:
        argv: arguments without the program's name (default: those of this process)

    Returns:
        the exit status: 0 after a stop that was asked for, 1 when the product cannot run,
        2 when an option or a setting is wrong
    """
    try:
        status = cli.main(argv, standalone_mode=False)
    except click.ClickException as error:
        text, status = error.format_message(), error.exit_code
    except RunnerError as error:
        text, status = str(error), 1
    except (KeyboardInterrupt, click.Abort):
        return 130
    else:
        return status if isinstance(status, int) else 0
    print(f"error: {text}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
