"""What tests of plugins use; see :mod:`.fixtures`. The runner itself does not import it.

``fixtures`` and ``file_stores`` need pytest; the rest is used by
``flask plugin`` as well.
"""
