"""A page on an origin of its own that embeds a micro frontend and records what it says."""

import json
from pathlib import Path

from helpers.site import Site

PAGES = Path(__file__).resolve().parents[1] / "browser" / "pages"


def host_site():
    """Return the site that serves the host page; it has nothing else."""
    site = Site()
    for name, mimetype in (("host.html", "text/html"), ("host.js", "text/javascript")):
        site.put(f"/{name}", (PAGES / name).read_bytes(), Content_Type=mimetype)
    site.put("/favicon.ico", status=204)
    site.put(
        "/host.css", "body.qhana-body { color: rgb(1, 2, 3); }", Content_Type="text/css"
    )
    return site


class FrameHost:
    """The host page in a browser.

    Attributes:
        page: the page.
        frame: the micro frontend in it, to find elements in.
    """

    def __init__(self, page, url):
        self.page = page
        self.url = url
        page.goto(f"{url}/host.html")
        self.frame = page.frame_locator("#frame")

    def embed(self, url, answers=None, follows=False, sandbox=None):
        """Show a micro frontend and wait until it has said all it says when it is loaded.

        Args:
            answers: type of message -> the messages that are sent back at once.
            follows: whether the frame gets the height that it asks for.
            sandbox: what a sandboxed frame may do.
        """
        self.page.evaluate(
            """([url, answers, follows, sandbox]) => {
                Object.assign(window, {answers, follows});
                const frame = document.getElementById("frame");
                if (sandbox !== null) frame.setAttribute("sandbox", sandbox);
                frame.src = url;
            }""",
            [url, answers or {}, follows, sandbox],
        )
        self.wait_for("ui-resize")

    def tell(self, message):
        """Send a message to the micro frontend."""
        self.page.evaluate("message => window.tell(message)", message)

    def run(self, script, argument=None):
        """Run JavaScript in the micro frontend and return its value."""
        return self.frame.locator("body").evaluate(
            f"(body, argument) => {{ {script} }}", argument
        )

    def records(self, type_=None):
        """Return the messages so far (of a type), first to last."""
        records = self.page.evaluate("window.records")
        return [each["data"] for each in records if type_ in (None, each["type"])]

    def types(self):
        """Return the types of the messages so far."""
        return [each["type"] for each in self.page.evaluate("window.records")]

    def wait_for(self, type_, count=1):
        """Wait until there are so many messages of a type; return the last of these."""
        self.page.wait_for_function(
            "([type, count]) => records.filter((each) => each.type === type).length >= count",
            arg=[type_, count],
        )
        return self.records(type_)[count - 1]

    def settle(self):
        """Wait until the micro frontend has dealt with all that was said before.

        Messages come in the order in which they were sent, so that an answer to a question
        that is asked now comes after all answers to earlier ones.
        """
        count = len(self.records("ui-submit-status"))
        self.tell("ui-submit-status")
        self.wait_for("ui-submit-status", count + 1)

    def clear(self):
        """Forget the messages so far."""
        self.page.evaluate("window.records.length = 0")

    def __repr__(self):
        return json.dumps(self.records(), indent=1)
