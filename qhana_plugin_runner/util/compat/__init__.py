"""Compatibility shims, so that plugins written for marshmallow 3 and Flask 2 run unmodified.

Each :class:`Shim` in :data:`SHIMS` serves one API that known plugins use and that the current
libraries have removed, and tells the plugin's author once what to write instead
(:class:`PluginCompatWarning` and the log). Code that uses no removed API behaves as it does without
the shims. ``PLUGIN_COMPAT=0`` in the environment turns them off.

A name or keyword that a library still has is never replaced. One shim changes what current code
may do too: a validator that returns ``False`` fails (marshmallow 4 ignores what validators return,
so the check would silently accept everything).

To serve another removed API, decorate a function with :func:`~.shims.shim` in the module of its
library and show it in ``tests/util/compat/old_plugins``. Shims exist for what plugins are known
to use and for nothing else.
"""

import os
import threading

from .shims import (
    SHIMS,
    Patches,
    PluginCompatWarning,
    Shim,
    UsedShim,
    forget_warnings,
    log_summary,
    register_plugin_root,
    used_shims,
    warn,
)

# Each import registers the shims of one library.
from . import marshmallow3  # isort: skip
from . import flask2  # isort: skip

__all__ = [
    "SHIMS",
    "PluginCompatWarning",
    "Shim",
    "UsedShim",
    "enabled",
    "install",
    "installed",
    "log_summary",
    "register_plugin_root",
    "uninstall",
    "used_shims",
]

_lock = threading.RLock()
_patches: Patches | None = None


def enabled() -> bool:
    """Return whether the environment allows the shims (``PLUGIN_COMPAT`` unset, or not false)."""
    setting = os.environ.get("PLUGIN_COMPAT", "1").strip().lower()
    return setting not in {"0", "false", "no", "off"}


def installed() -> bool:
    """Return whether the shims are in effect."""
    return _patches is not None


def install() -> None:
    """Install the shims, unless they are installed or ``PLUGIN_COMPAT=0`` forbids it.

    This has to happen before the first plugin is imported: class bodies run at import.
    """
    global _patches
    with _lock:
        if _patches is None and enabled():
            _patches = Patches()
            for shim in SHIMS:
                shim.install(_patches, lambda *args, _shim=shim: warn(_shim, *args))


def uninstall() -> None:
    """Restore the libraries and forget which plugins were warned.

    Schema classes defined in the meantime keep what the shims did for them.
    """
    global _patches
    with _lock:
        if _patches is not None:
            _patches.close()
            _patches = None
        forget_warnings()
