"""Installs packages with pip into the environment of this process."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ...errors import OperatorError

_ENVIRONMENT = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


class InstallError(OperatorError):
    """Nothing was installed."""

    exit_code = 1


def install(
    requirements: list[str], constraints: list[str], output: IO[str] | None = None
) -> int:
    """Install packages, after a dry run of pip has succeeded.

    Args:
        requirements: lines of a ``requirements.txt``.
        constraints: lines with versions that must not change.
        output: where pip writes to (default: the output of this process).

    Returns:
        The exit status of pip.

    Raises:
        InstallError: pip is missing or refuses; nothing was changed.
    """
    with _files(requirements, constraints) as (wanted, pinned):
        command = [sys.executable, "-m", "pip", "install"]
        files = ["--requirement", str(wanted), "--constraint", str(pinned)]
        check = subprocess.run(
            [*command, "--dry-run", *files],
            env={**os.environ, **_ENVIRONMENT, "PIP_QUIET": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
        if check.returncode:
            named = {str(wanted): requirements, str(pinned): constraints}
            reason = _reason(check.stdout, check.stderr, named)
            raise InstallError(f"nothing was installed because pip refuses: {reason}")
        status = subprocess.run(
            [*command, *files],
            env={**os.environ, **_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=output,
        ).returncode
    return status if status >= 0 else 128 - status


@contextmanager
def _files(*contents: Iterable[str]) -> Iterator[list[Path]]:
    with tempfile.TemporaryDirectory(prefix="qhana-install-") as folder:
        paths = []
        for number, lines in enumerate(contents):
            path = Path(folder, f"{number}.txt")
            path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
            paths.append(path)
        yield paths


def _reason(output: str, errors: str, files: dict[str, list[str]]) -> str:
    """Return why pip has failed, in one line."""
    if "No module named pip" in errors:
        return f"it is missing; `{sys.executable} -m ensurepip` installs it"
    causes = re.findall(r"^ERROR: (.+)", errors, re.MULTILINE)
    # pip prints the causes of a conflict to its standard output.
    cause = re.search(r"^The conflict is caused by:\n((?: +.+\n)+)", output, re.MULTILINE)
    if cause:
        lines = [line.strip() for line in cause[1].splitlines()]
        causes = [causes[0].rstrip(".") if causes else "versions conflict", *lines]
    if not causes:
        causes = errors.strip().splitlines()[-1:] or ["it gives no reason"]

    def wanted(match: re.Match[str]) -> str:
        lines = files.get(match[1])
        return repr(lines[int(match[2]) - 1]) if lines else match[0]

    text = re.sub(r"-[rc] (\S+) \(line (\d+)\)", wanted, "; ".join(dict.fromkeys(causes)))
    return re.sub(r" \(from ('[^']*')\)", r" (asked for by \1)", " ".join(text.split()))
