"""Form values of tasks started in the workbench, to rerun them and to relate files."""

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from ..db import DB
from .tasks import ProcessingTask, goes_with_task


class RunValues(MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """The form values with which a task was started; private ones are never stored.

    Attributes:
        task_id: the task.
        plugin: the identifier of the plugin of the form.
        form_data: the values, as ``application/x-www-form-urlencoded``.
    """

    __tablename__ = "RunValues"

    task_id: Mapped[int] = mapped_column(ForeignKey(ProcessingTask.id), primary_key=True)
    plugin: Mapped[str] = mapped_column(String(500))
    form_data: Mapped[str] = mapped_column(Text)


class RunInput(MappedAsDataclass, DB.Model):  # type: ignore[name-defined]
    """A file that was an input of a task.

    Attributes:
        task_id: the task.
        number: the position among the task's inputs, from 0.
        key: identifies the file, whatever host its URL names; see
            :func:`qhana_plugin_runner.web.workbench.file_urls.file_key`.
        url: as it was in the form.
    """

    __tablename__ = "RunInput"
    __table_args__ = (Index("ix_RunInput_key", "key", "task_id"),)

    task_id: Mapped[int] = mapped_column(ForeignKey(ProcessingTask.id), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(128))
    url: Mapped[str] = mapped_column(Text)


goes_with_task(RunValues.task_id)
goes_with_task(RunInput.task_id)
