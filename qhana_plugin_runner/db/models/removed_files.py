"""The files whose rows are gone and whose bytes are still to be removed."""

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from ..db import DB


class RemovedFile(MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A file that no task has any more; its bytes are to be removed from the store.

    The row is written in the transaction that removes the file's own row, and goes when the
    bytes are gone. So no row points to bytes that are gone, and no bytes are forgotten, wherever
    the work is cut off.

    Attributes:
        storage_provider: the name of the store that has the bytes.
        file_name: the name that clients saw.
        file_storage_data: where the store finds the bytes.
    """

    __tablename__ = "RemovedFile"

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    storage_provider: Mapped[str] = mapped_column(String(64))
    file_name: Mapped[str] = mapped_column(String(500))
    file_storage_data: Mapped[str] = mapped_column(Text)
