"""The short form of a plugin: a function with a decorator."""
