"""The settings of what strangers may do: sites, people, URLs, sizes."""

from .setting import Setting

SECURITY_SETTINGS: tuple[Setting, ...] = ()
