"""The defaults of the database, as classes for ``from_object``."""

from .settings import SETTINGS


class SQLAchemyProductionConfig:
    """The settings named ``SQLALCHEMY_*``. (The spelling is the one that plugins import.)"""


class SQLAchemyDebugConfig(SQLAchemyProductionConfig):
    """The same: the database does not differ in debug mode."""


for _setting in SETTINGS:
    if _setting.name.startswith("SQLALCHEMY_"):
        setattr(SQLAchemyProductionConfig, _setting.name, _setting.default)
