"""Packages that plugins need: collecting requirements, finding conflicts, installing with pip.

``lines`` reads the text of a ``requirements.txt``, ``plugins`` gets it from each plugin,
``conflicts`` finds requirements that exclude each other, ``pip`` installs, ``cli`` is the command.
"""
