"""Helpers for plugin authors: entity files, attributes of entities, archives, other
plugins."""
