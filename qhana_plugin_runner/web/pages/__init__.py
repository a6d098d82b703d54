"""The pages of the runner that people look at."""

from flask import Flask

__all__ = ["register_pages"]


def register_pages(app: Flask) -> None:
    """Mount the pages; those for debugging only in debug mode."""
    from ...api.negotiation import register_page
    from .debug import DEBUG_PAGES
    from .docs import register_docs
    from .landing import landing_page
    from .licenses import LICENSE_PAGES
    from .navigation import page_links
    from .parts import register_parts
    from .task import task_page

    app.jinja_env.globals["page_links"] = page_links
    register_page(app, "landing", landing_page)
    register_page(app, "task", task_page)
    register_parts(app)
    register_docs(app)
    app.register_blueprint(LICENSE_PAGES)
    if app.debug:
        app.register_blueprint(DEBUG_PAGES)
