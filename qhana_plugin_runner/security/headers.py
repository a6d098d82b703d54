"""What browsers let pages do: the headers of all responses, set in one place.

Pages of plugins get none of the restrictions of the runner's own, but for who may frame them: they
bring scripts of their own and load things from other hosts. A response that has a policy keeps it.
"""

import re

from flask import g, request

from ..util.flask_app import Environ, Head, RunnerFlask
from .sites import sites_of

PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'"
)

# The viewers of the API write style attributes, draw with data URLs and search in workers.
DOCS_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'"
)

# Not all that a URL may have: what comes here must not end a directive.
_ORIGIN = re.compile(r"https?://[\w.-]+(?::[0-9]+)?(?=[/?#]|$)", re.ASCII)

_POLICY = "Content-Security-Policy"


def use_policy(policy: str) -> None:
    """Give the page that answers this request another policy than most pages have.

    A page of a plugin has none without.
    """
    g.page_policy = policy


def allow_frame(url: str | None) -> None:
    """Let the page that answers this request show another in a frame, from whatever host."""
    found = _ORIGIN.match(url or "")
    if found and f"{found[0]}/" != request.host_url:
        use_policy(f"{PAGE_POLICY}; frame-src 'self' {found[0]}")


def register_headers(app: RunnerFlask) -> None:
    """Set the headers of an app; all views that it has by now are the runner's own."""
    own = frozenset(app.view_functions)
    sites = sites_of(app)

    def page_friends() -> str:
        return sites.framers(request.environ)

    app.jinja_env.globals["page_friends"] = page_friends

    def protect(environ: Environ, head: Head) -> None:
        head.setdefault("X-Content-Type-Options", "nosniff")
        is_page = head.get("Content-Type", "").startswith("text/html")
        if not is_page or _POLICY in head:
            return
        framers = page_friends()
        policy = g.get("page_policy", "")
        if (request.endpoint or "static") in own:
            policy, framers = policy or PAGE_POLICY, framers or "'self'"
            head.set(_POLICY, f"{policy}; frame-ancestors {framers}")
            # Not "no-referrer": with it, the browser hides the origin of own forms.
            head.setdefault("Referrer-Policy", "same-origin")
            if request.is_secure or sites.is_local(environ):  # ignored elsewhere
                head.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        elif policy or framers:
            limits = [policy, f"frame-ancestors {framers}" if framers else ""]
            head.set(_POLICY, "; ".join(filter(None, limits)))

    app.head_funcs.append(protect)
