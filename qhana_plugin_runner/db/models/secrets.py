"""Secrets of tasks, encrypted."""

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from ..db import DB
from .tasks import ProcessingTask, goes_with_task


class TaskSecret(MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A secret that a form has sent for a task; it is removed when the task ends.

    Attributes:
        reference: what stands for the secret in the parameters or the data of the task.
        task_id: the task, which alone may read it.
        content: the secret, encrypted.
    """

    __tablename__ = "TaskSecret"

    reference: Mapped[str] = mapped_column(String(39), primary_key=True)
    task_id: Mapped[int] = mapped_column(
        ForeignKey(ProcessingTask.id), primary_key=True, index=True
    )
    content: Mapped[bytes] = mapped_column(LargeBinary, repr=False)


goes_with_task(TaskSecret.task_id)
