"""Configuration of Sphinx. Everything is built from this checkout, without the internet."""

import gc
import logging
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS / "_ext")]

from qhana_plugin_runner.version import runner_version  # noqa: E402

# A build keeps most of what it makes. Looking for garbage takes a fifth of its time.
gc.disable()

# The theme's package accessible-pygments makes the root logger write what libraries tell.
logging.getLogger("alembic").setLevel(logging.WARNING)

project = "QHAna Plugin Runner"
author = "The authors of the QHAna Plugin Runner"
project_copyright = author
release = version = runner_version()

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    # In _ext/: what the reference shows is read from the code itself.
    "settings_reference",
    "commands_reference",
    "rest_reference",
    "findings_reference",
    "metrics_reference",
    "health_reference",
    "shims_reference",
]
# "source" is what sphinx-apidoc makes; the pages of the reference are arranged by hand.
exclude_patterns = ["_build", "source"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

smartquotes = False

html_theme = "furo"
html_title = f"{project} {release}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
html_show_copyright = False
html_copy_source = False

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
# Docstrings of other libraries refer to pages of their documentation.
autodoc_inherit_docstrings = False
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True
maximum_signature_line_length = 80

# A reference to something of ours that is not there is an error. Those to other libraries lead
# nowhere, since their documentation cannot be asked without the internet.
nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(?!qhana_plugin_runner\.).*"),
    # Signatures and bases name classes that are not for plugin authors, and so not described. Pages
    # refer to classes with the role "py:obj", which is checked.
    ("py:class", r"qhana_plugin_runner\..*"),
    # Nor are the type variables in them, which Sphinx names by "py:obj".
    ("py:obj", r"qhana_plugin_runner\.client\.outputs\.AnyOutput"),
]
