"""What tests of plugins use; see :mod:`.fixtures`. The runner itself does not import it.

``fixtures``, ``file_stores`` and ``pytest_plugin`` need pytest; the rest is used by
``flask plugin`` as well.
"""
