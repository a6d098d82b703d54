"""The command ``qhana-plugin-runner``, also ``python -m qhana_plugin_runner``."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from .errors import OperatorError, RunnerError
from .launcher.commands import POOLS
from .launcher.product import Options, run


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one line."""
        self.exit(2, f"error: {message} (see {self.prog} --help)\n")


def _number(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if text.isascii() and text.isdigit() and low <= int(text) <= high:
            return int(text)
        raise argparse.ArgumentTypeError(
            f"{text} is no whole number from {low} to {high}: choose one"
        )

    return parse


def _parser() -> argparse.ArgumentParser:
    default = Options()
    parser = _Parser(prog="qhana-plugin-runner", description="Serves QHAna plugins.")
    actions = parser.add_subparsers(required=True, metavar="COMMAND")
    start = actions.add_parser(
        "run",
        help="start the whole product: broker, database, worker and web server",
        description="Start broker, worker and web server and keep them running until "
        "Ctrl-C. With BROKER_URL in the environment no broker is started.",
    )
    start.add_argument(
        "--port",
        type=_number(0, 65535),
        default=default.port,
        help="port of the web server, 0 for any free one (%(default)s)",
    )
    start.add_argument(
        "--host",
        default=default.host,
        help="address that the web server listens on (%(default)s)",
    )
    start.add_argument(
        "--instance",
        type=Path,
        metavar="DIR",
        help="folder of configuration, database, files and queue "
        "($QHANA_PLUGIN_RUNNER_INSTANCE_FOLDER, else ./instance)",
    )
    start.add_argument(
        "--workers",
        type=_number(1, 256),
        metavar="N",
        default=default.workers,
        help="number of web processes (%(default)s)",
    )
    start.add_argument(
        "--concurrency",
        type=_number(1, 1024),
        metavar="N",
        default=default.concurrency,
        help="number of tasks that run at a time (%(default)s)",
    )
    start.add_argument(
        "--pool",
        choices=POOLS,
        default=default.pool,
        help="how tasks run: each in a process, in threads, in greenlets, or one at a time "
        "($CELERY_WORKER_POOL, else prefork)",
    )
    start.add_argument(
        "--debug",
        action="store_true",
        help="debug mode: code is loaded again when it changes",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line asks for.

    Args:
        argv: arguments without the program's name (default: those of this process)

    Returns:
        the exit status: 0 after a stop that was asked for, 1 when the product cannot run,
        2 when an option or a setting is wrong
    """
    try:
        arguments = _parser().parse_args(argv)
        asyncio.run(run(Options(**vars(arguments))))
    except RunnerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, OperatorError) else 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
