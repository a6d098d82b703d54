"""What plugin authors need to test what they wrote. Needs pytest; the runner itself does not use it."""
