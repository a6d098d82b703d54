from helpers.runner import app, context  # noqa: F401
