"""A file as pages and dialogs show it: a preview, and the plugins that take the file."""

from typing import Any

from flask import url_for

from ...api.task_status import download_url
from ...db.models.tasks import TaskFile
from .catalogue import catalogue
from .consumers import find_consumers
from .file_urls import file_page_url
from .groups import grouped
from .preview import Limits, preview_of


def shown_file(file: TaskFile, limits: Limits) -> dict[str, Any]:
    """Return the variables of the template ``runner/workbench/preview.html``.

    Args:
        file: A file of this runner.
        limits: How much of it is shown.
    """
    consumers = find_consumers(file, catalogue())
    views = [each for each in consumers if each.is_visualization and each.ui_url]
    others = [each for each in consumers if not each.is_visualization]
    is_table = (file.file_type or "").startswith("entity/")
    href = download_url(file)
    return {
        "file": file,
        "href": href,
        "page_url": file_page_url(file),
        "content_url": url_for("workbench.content", url=href),
        "preview": preview_of(file, limits),
        "limits": limits,
        "views": views,
        # A table shows itself what is in it; nobody reads matrices and circuits as text.
        "first_view": next(
            (each for each in views if each.is_made_for and not is_table), None
        ),
        "groups": grouped(others, lambda consumer: consumer.plugin),
    }
