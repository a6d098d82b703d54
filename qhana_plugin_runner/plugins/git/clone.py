"""Shallow clones of git repositories, each at one branch, tag or commit."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from ...errors import RunnerError
from ...util.secrets_in_text import without_secrets
from .source import GitSource

__all__ = ["GitError", "git_is_there", "update_clone"]

_SECONDS = (
    600  # for one command of git; a server that never answers must not stop the start
)

_COMMIT = re.compile(r"[0-9a-f]{4,64}")

# Settings of whoever calls that would lead git to another repository.
_FOREIGN = (
    "GIT_DIR",
    "GIT_COMMON_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
)

# A question for a password would never be answered.
_DEFAULTS = {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes"}
_ENVIRONMENT = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


class GitError(RunnerError):
    """A repository cannot be cloned or updated."""


def git_is_there() -> bool:
    """Whether git can be called."""
    return shutil.which("git") is not None


def update_clone(clone: Path, source: GitSource) -> None:
    """Bring a clone to the present state of its source; make it when it is not there.

    What somebody changed in the clone is lost. When the source cannot be reached, the clone stays
    as it was.

    Raises:
        GitError: git cannot do it, with its reason.
    """
    for left in (clone / ".git").glob("*.lock"):
        left.unlink()  # of a git that was killed: no other one runs while the folder is locked
    is_new = not _is_repository(clone)
    if is_new and clone.exists():
        shutil.rmtree(clone)  # what a git that was killed has left
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
    """Fetch what the ref of a source names, and return a name for the commit."""
    fetch = ("fetch", "--quiet", "--force", "--no-tags", "--no-recurse-submodules")
    ref = source.ref or "HEAD"
    try:
        _git(*fetch, "--depth=1", "--", source.url, ref, folder=clone)
        return "FETCH_HEAD"
    except GitError:
        if not _COMMIT.fullmatch(ref):
            raise
    # Short names of commits, and servers that hand out none by name: look in all there is.
    shallow = (clone / ".git" / "shallow").exists()
    depth = ("--unshallow",) if shallow else ()
    everything = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    _git(*fetch, *depth, "--update-head-ok", "--", source.url, *everything, folder=clone)
    try:
        return _git("rev-parse", "--verify", f"{ref}^{{commit}}", folder=clone)
    except GitError as error:
        raise GitError(
            f"no branch, tag or commit {ref!r} is in it: correct what is behind the last @"
        ) from error


def _git(*arguments: str, folder: Path | None = None) -> str:
    """Run git, for the repository in a folder if one is given, and return what it prints."""
    # Named, or git would look for a repository in the folders above, and there may be one.
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
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise GitError(
            f"it did not answer within {_SECONDS} s: check the address and the network"
        ) from error
    if result.returncode:
        lines = result.stderr.strip().splitlines() or ["it does not say why"]
        said = [
            line for line in lines if line.startswith(("fatal: ", "error: "))
        ] or lines
        raise GitError(
            f"git refuses: {without_secrets(said[0])}; check URL and ref, and whether it can be "
            "read without a password"
        )
    return result.stdout.strip()
