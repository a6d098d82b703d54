"""A client for scripts and notebooks; needs only ``requests``."""
