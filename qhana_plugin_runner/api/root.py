"""The entry point of the API."""

from typing import Any

import marshmallow as ma
from flask import current_app
from flask.views import MethodView

from .negotiation import html_page, wants_html
from .util import MaBaseSchema, SecurityBlueprint

ROOT_ENDPOINT = SecurityBlueprint(
    "api-root", __name__, description="The entry point of the API."
)


class RootSchema(MaBaseSchema):
    title = ma.fields.String(required=True, metadata={"description": "The API's title."})


@ROOT_ENDPOINT.route("/")
class RootView(MethodView):
    """The entry point: JSON for programs, a page for people."""

    @ROOT_ENDPOINT.html_response(200, description="The landing page, for browsers.")
    @ROOT_ENDPOINT.response(200, RootSchema())
    def get(self) -> Any:
        """The title of the API, or a landing page for browsers."""
        if wants_html():
            return html_page("landing")
        return {"title": current_app.config["API_TITLE"]}, {"Vary": "Accept"}
