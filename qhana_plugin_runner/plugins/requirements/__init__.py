"""What plugins need installed: asking them, finding conflicts, installing with pip.

``lines`` reads the text of a ``requirements.txt``, ``plugins`` gets it from each plugin,
``conflicts`` finds what excludes each other, ``pip`` installs, ``cli`` is the command.
"""
