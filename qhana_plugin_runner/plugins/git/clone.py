"""Shallow clones of git repositories, each at one branch, tag or commit."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from ...errors import RunnerError
from ...util.redaction import redact_urls
from .source import GitSource

_TIMEOUT = 600
"""Seconds for one git command: a server that never answers must not block the start."""

_COMMIT = re.compile(r"[0-9a-f]{4,64}")

# Environment variables that would make git use another repository.
_FOREIGN = (
    "GIT_DIR",
    "GIT_COMMON_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
)

# Nobody can answer a password prompt.
_DEFAULTS = {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes"}
_ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


class GitError(RunnerError):
    """A repository cannot be cloned or updated."""


def update_clone(clone: Path, source: GitSource) -> None:
    """Clone a repository, or update its clone and discard local changes.

    The clone is unchanged when the repository cannot be reached.

    Raises:
        GitError: git failed; the text has its reason.
    """
    for left in (clone / ".git").glob("*.lock"):
        left.unlink()  # of a git that was killed: no other git runs while the folder is locked
    is_new = not _is_repository(clone)
    if is_new and clone.exists():
        shutil.rmtree(clone)  # left by a git that was killed
    try:
        if is_new:
            _git("init", "--quiet", "--template=", "--", str(clone))
        commit = _fetch(clone, source)
        _git("checkout", "--quiet", "--force", "--detach", commit, folder=clone)
        _git("clean", "--quiet", "-ffdx", folder=clone)
    except GitError:
        if is_new:
            shutil.rmtree(clone, ignore_errors=True)
        raise


def _is_repository(clone: Path) -> bool:
    if not clone.is_dir():
        return False
    try:
        _git("rev-parse", "--git-dir", folder=clone)
    except GitError:
        return False
    return True


def _fetch(clone: Path, source: GitSource) -> str:
    """Fetch the ref of a source and return a name of its commit."""
    fetch = ("fetch", "--quiet", "--force", "--no-tags", "--no-recurse-submodules")
    ref = source.ref or "HEAD"
    try:
        _git(*fetch, "--depth=1", "--", source.url, ref, folder=clone)
        return "FETCH_HEAD"
    except GitError:
        if not _COMMIT.fullmatch(ref):
            raise
    # Abbreviated commit ids, and servers that refuse commit ids, need the whole history.
    shallow = (clone / ".git" / "shallow").exists()
    depth = ("--unshallow",) if shallow else ()
    everything = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    _git(*fetch, *depth, "--update-head-ok", "--", source.url, *everything, folder=clone)
    try:
        return _git("rev-parse", "--verify", f"{ref}^{{commit}}", folder=clone)
    except GitError as error:
        raise GitError(
            f"it has no branch, tag or commit {ref!r}: correct the part after the last @"
        ) from error


def _git(*arguments: str, folder: Path | None = None) -> str:
    """Run git, in the repository of a folder if given, and return its output."""
    # Named explicitly, because git would also find a repository in a folder above.
    place = [f"--git-dir={folder / '.git'}", f"--work-tree={folder}"] if folder else []
    kept = {name: v for name, v in os.environ.items() if name not in _FOREIGN}
    try:
        result = subprocess.run(
            ["git", *place, "-c", "core.hooksPath=/dev/null", *arguments],
            cwd=folder,
            env={**_DEFAULTS, **kept, **_ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT,
        )
    except subprocess.TimeoutExpired as error:
        raise GitError(
            f"it did not answer within {_TIMEOUT} s: check the address and the network"
        ) from error
    if result.returncode:
        lines = result.stderr.strip().splitlines() or ["it gives no reason"]
        errors = [each for each in lines if each.startswith(("fatal: ", "error: "))]
        raise GitError(
            f"git failed: {redact_urls((errors or lines)[0])}; check URL and ref, and that it can "
            "be read without a password"
        )
    return result.stdout.strip()
