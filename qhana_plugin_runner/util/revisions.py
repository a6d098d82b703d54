"""The revisions of the database schema that the migrations know, without importing these."""

import re
from pathlib import Path


def known_revisions() -> set[str]:
    """Return the revisions of all migrations."""
    return set(_found("revision"))


def heads() -> set[str]:
    """Return the newest revisions."""
    return known_revisions() - set(_found("down_revision"))


def _found(name: str) -> list[str]:
    package = Path(__file__).resolve().parents[1]
    inside = package / "migrations"  # of an installed package, else beside it
    folder = inside if inside.is_dir() else package.parent / "migrations"
    texts = [path.read_text("utf-8") for path in (folder / "versions").glob("*.py")]
    return [r for t in texts for r in re.findall(rf'^{name} = "(\w+)"', t, re.M)]
