"""Checks of plugins: functions that give findings, each with its place and cure.

``findings`` is the table of what can be found; ``loading``, ``metadata``, ``forms`` and ``tasks``
find it; ``subject`` is the plugin that they look at; ``process`` runs all of them in a process of
its own for each plugin.
"""
