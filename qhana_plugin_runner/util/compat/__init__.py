"""Translates habits of older libraries, so that plugins written for them run unmodified.

Known plugins were written for marshmallow 3, Flask 2, Werkzeug 2, flask-smorest 0.40, SQLAlchemy
1.4 and Celery 5.2. Each :class:`Habit` in :data:`HABITS` names one thing that such a plugin does
and that the current library no longer takes, translates it, and tells the plugin's author once
what to write instead (:class:`PluginCompatWarning` and the log). Code without old habits behaves
as it does without this layer; the runner's own code has none. ``PLUGIN_COMPAT=0`` in the
environment turns the layer off.

Names that a library dropped are offered by a module ``__getattr__`` and changed calls by wrapping
the function that refuses them, so a library that still knows a name or keyword is used as it is.
To serve the next library, add a module with functions decorated by ``habit`` and import it here.

Two translations change something that current code may do too: a validator that returns ``False``
fails (current marshmallow ignores what validators return), and a ``Boolean`` field dumps a
boolean whatever the value is.

What is *not* served, because no translation is right or no plugin can be expected to do it:

* marshmallow: ``Function`` fields that take a context (use ``Method``), a ``SchemaOpts`` subclass
  that takes ``ordered``, ``TimeDelta(serialization_type=)`` (the value is a ``float``), sets and
  generators loaded with ``many=True``, ``loads(json_data=...)`` by keyword, dates without leading
  zeros (``2024-1-5``), ``isinstance(date_field, DateTime)``, ``fields.Inferred`` by name.
* Flask: ``app.json_decoder``, ``flask.json.dumps(app=...)``, ``flask.scaffold``, pushing to or
  popping from the context stacks, routes added to a blueprint that is registered already.
* Werkzeug: decoding URLs to bytes (``charset=None``), URL streams, ``make_line_iter`` and other
  WSGI helpers, the test client's ``set_cookie(server_name, ...)``.
* flask-smorest: hooks of ``Blueprint`` subclasses that build documentation (``app=`` became
  ``api=``), ``app.extensions["flask-smorest"]["ext_obj"]`` (use the runner's ``ROOT_API``).
* SQLAlchemy: ``engine.execute``, ``MetaData(bind=)``, ``Query.from_self``, joins along strings,
  rows read by column name (``row["id"]``): these need a look at the query by a person.
* Celery: nothing that tasks, canvases and results of plugins use was dropped since 5.2.
"""

import os
import threading

from .habits import (
    HABITS,
    Habit,
    HabitMet,
    Patches,
    PluginCompatWarning,
    forget_warnings,
    habits_met,
    met,
    register_plugin_root,
    summed_up,
)

# Each import registers the habits of one library.
from . import marshmallow3_fields  # isort: skip
from . import marshmallow3_schemas  # isort: skip
from . import flask2  # isort: skip
from . import werkzeug2  # isort: skip
from . import sqlalchemy14  # isort: skip
from . import versions  # isort: skip

__all__ = [
    "HABITS",
    "Habit",
    "HabitMet",
    "PluginCompatWarning",
    "enabled",
    "habits_met",
    "install",
    "installed",
    "register_plugin_root",
    "summed_up",
    "uninstall",
]

_lock = threading.RLock()
_patches: Patches | None = None


def enabled() -> bool:
    """Whether the environment allows the layer (``PLUGIN_COMPAT`` unset, or not false)."""
    setting = os.environ.get("PLUGIN_COMPAT", "1").strip().lower()
    return setting not in {"0", "false", "no", "off"}


def installed() -> bool:
    """Whether the layer is in effect."""
    return _patches is not None


def install() -> None:
    """Put the layer in effect, unless it is already or ``PLUGIN_COMPAT=0`` forbids it.

    Has to run before the first plugin is imported: class bodies run at import.
    """
    global _patches
    with _lock:
        if _patches is not None or not enabled():
            return
        patches = Patches()
        try:
            for habit in HABITS:
                habit.translate(
                    patches, lambda *a, _habit=habit, **k: met(_habit, *a, **k)
                )
        except BaseException:
            patches.undo()
            raise
        _patches = patches


def uninstall() -> None:
    """Restore the libraries as they were and forget who was warned.

    Meant for tests. Schema classes made meanwhile keep what was translated for them.
    """
    global _patches
    with _lock:
        if _patches is not None:
            _patches.undo()
            _patches = None
        forget_warnings()
