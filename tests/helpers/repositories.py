"""Git repositories of plugins, on this machine."""

import os
import subprocess


class Repository:
    """A repository in a folder.

    Attributes:
        url: where it can be cloned from.
    """

    def __init__(self, folder):
        self.folder = folder
        self.url = f"file://{folder}"
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments):
        """Run git in the repository, and return what it prints."""
        person = {"NAME": "Test", "EMAIL": "test@localhost"}
        names = {
            f"GIT_{role}_{key}": text
            for role in ("AUTHOR", "COMMITTER")
            for key, text in person.items()
        }
        result = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env={**os.environ, **names, "GIT_CONFIG_GLOBAL": os.devnull},
            check=True,
            capture_output=True,
            text=True,
        )
        return result.stdout.strip()

    def commit(self, **files):
        """Commit files, given by name without ``.py``, ``__`` between folders, and text."""
        return self.commit_files({f"{name}.py": text for name, text in files.items()})

    def commit_files(self, files):
        """Commit files, and return the name of the commit."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "Change", "--no-gpg-sign")
        return self.git("rev-parse", "HEAD")
