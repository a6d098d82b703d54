"""Versions of plugins in the order of PEP 440."""

from packaging.version import InvalidVersion, Version

_UNKNOWN = Version("0.dev0")


def comparable_version(text: str) -> Version:
    """Return a version for comparisons; one that PEP 440 does not allow sorts before all others.

    >>> comparable_version("newest") < comparable_version("v0.1")
    True
    """
    try:
        return Version(text)
    except InvalidVersion:
        return _UNKNOWN
