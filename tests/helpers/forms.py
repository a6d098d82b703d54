"""Forms for tests."""

from qhana_plugin_runner.api.util import FrontendFormBaseSchema

HOSTILE = "\"><script>alert('&')</script>"


def schema_of(**fields):
    """Make the schema of a form."""
    return FrontendFormBaseSchema.from_dict(fields)()
