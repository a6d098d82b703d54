"""Installing with pip into the environment of this process."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .errors import InstallError

__all__ = ["install"]

_ENVIRONMENT = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


def install(requirements: list[str], constraints: list[str]) -> int:
    """Install packages, after pip has found out that they go together.

    Parameters:
        requirements: lines of a ``requirements.txt``.
        constraints: versions that must not change, likewise.

    Returns:
        The exit status of pip, whose output goes where that of this process goes.

    Raises:
        InstallError: pip is missing, or cannot install this; then nothing was changed.
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
            raise InstallError(f"nothing was installed, as pip refuses: {reason}")
        status = subprocess.run(
            [*command, *files],
            env={**os.environ, **_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
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
    """Return in one line why pip has failed."""
    if "No module named pip" in errors:
        return f"it is missing; `{sys.executable} -m ensurepip` brings it"
    said = re.findall(r"^ERROR: (.+)", errors, re.MULTILINE)
    # What leads to a conflict is no error to pip, but output like any other.
    cause = re.search(r"^The conflict is caused by:\n((?: +.+\n)+)", output, re.MULTILINE)
    if cause:
        lines = [line.strip() for line in cause[1].splitlines()]
        said = [said[0].rstrip(".") if said else "versions conflict", *lines]
    if not said:
        said = errors.strip().splitlines()[-1:] or ["it does not say why"]

    def wanted(match: re.Match[str]) -> str:
        lines = files.get(match[1])
        return repr(lines[int(match[2]) - 1]) if lines else match[0]

    text = re.sub(r"-[rc] (\S+) \(line (\d+)\)", wanted, "; ".join(dict.fromkeys(said)))
    return re.sub(r" \(from ('[^']*')\)", r" (asked for by \1)", " ".join(text.split()))
