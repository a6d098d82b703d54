"""Tests that plugin authors inherit. Needs pytest; the runner itself does not import it."""
