"""Plugins from git repositories, for ``invoke load-git-plugins``.

``source`` reads the list, ``clone`` runs git, ``loading`` links plugins into the plugin folder.
"""

from .loading import Loaded, load_git_plugins

__all__ = ["Loaded", "load_git_plugins"]
