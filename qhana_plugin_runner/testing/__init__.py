"""What tests of plugins use. Needs pytest; the runner itself does not import it."""
