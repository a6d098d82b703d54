"""The page with the licenses of the packages that the runner is made of."""

from dataclasses import asdict

from flask import Blueprint, Response, jsonify

from ...api.negotiation import page, wants_html

LICENSE_PAGES = Blueprint("licenses", __name__, url_prefix="/licenses")


@LICENSE_PAGES.route("/")
def licenses() -> Response:
    """Show all packages with their licenses, to programs as JSON."""
    from ...plugins.licenses import (
        third_party_packages,  # with the parser of requirements
    )

    packages = third_party_packages()
    if wants_html():
        return page("runner/licenses.html", packages=packages)
    response = jsonify(packages=[asdict(package) for package in packages])
    response.vary.add("Accept")
    return response
