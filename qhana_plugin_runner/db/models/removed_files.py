"""Files that have no row any more and have to be deleted from their store."""

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from ..db import DB


class RemovedFile(MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A file to delete from its store.

    The row is written in the transaction that deletes the file's own row, and deleted after the
    content. So no row points to missing content, and no content is forgotten, wherever the work
    is interrupted.

    Attributes:
        storage_provider: the name of the store.
        file_name: the name that clients saw.
        file_storage_data: the store's identifier of the file.
    """

    __tablename__ = "RemovedFile"

    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    storage_provider: Mapped[str] = mapped_column(String(64))
    file_name: Mapped[str] = mapped_column(String(500))
    file_storage_data: Mapped[str] = mapped_column(Text)
