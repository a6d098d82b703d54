"""Log in to the runner's pages with an access token, which a cookie keeps."""

from flask import Blueprint, Response, current_app, redirect, request, url_for
from flask_babel import gettext as _
from flask_jwt_extended import decode_token
from flask_jwt_extended.exceptions import JWTExtendedException
from jwt import PyJWTError
from werkzeug.wrappers import Response as AnyResponse

from ...api.negotiation import page
from ...security.people import COOKIE, has_role
from ...security.tokens import is_revoked

LOGIN_PAGES = Blueprint("login", __name__)


def _own_path(text: str) -> str:
    """Return a path of this runner: browsers read ``//host`` and ``/\\host`` as other hosts."""
    is_own = text.startswith("/") and text.isprintable() and "\\" not in text
    return text if is_own and not text.startswith("//") else url_for("api-root.RootView")


def _accepts(token: str) -> bool:
    try:
        claims = decode_token(token)
    except (JWTExtendedException, PyJWTError):
        return False
    return has_role(claims, current_app.config) and not is_revoked(claims.get("jti"))


@LOGIN_PAGES.route("/login/", methods=["GET", "POST"])
def login() -> AnyResponse:
    """Ask for a token, and go on to where the person wanted to go."""
    target = _own_path(request.values.get("next", ""))
    error = None
    if request.method == "POST":
        token = request.form.get("token", "").strip()
        if _accepts(token):
            answer = redirect(target, 303)
            answer.set_cookie(
                COOKIE, token, secure=request.is_secure, httponly=True, samesite="Lax"
            )
            return answer
        error = _("The token is not valid here. It may have expired or been revoked.")
    response = page("runner/login.html", error=error, next=target)
    response.headers["Cache-Control"] = "no-store"
    response.status_code = 401 if error else 200
    return response


@LOGIN_PAGES.route("/logout/", methods=["POST"])
def logout() -> AnyResponse:
    """Forget the token."""
    answer: Response | AnyResponse = redirect(url_for("login.login"), 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="Lax")
    return answer
