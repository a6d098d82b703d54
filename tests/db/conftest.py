from helpers.databases import app, postgresql  # noqa: F401
from helpers.runner import context  # noqa: F401
