"""Plugins from git repositories, for ``invoke load-git-plugins``.

``source`` reads the list, ``clone`` runs git, ``loading`` puts the plugins where they are found.
"""

from .loading import Loaded, load_git_plugins

__all__ = ["Loaded", "load_git_plugins"]
