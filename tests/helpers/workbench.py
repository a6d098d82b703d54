"""What a user does in the workbench, in a browser."""

import re

from helpers.chromium import paste
from playwright.sync_api import expect


class Workbench:
    """The workbench in a page.

    Args:
        page: of Playwright.
        url: of the runner, with a slash at the end.
        shoot: takes pictures, for people.
    """

    def __init__(self, page, url, shoot):
        self.page = page
        self._url = url
        self._shoot = shoot

    @property
    def form(self):
        """The micro frontend of the page."""
        return self.page.frame_locator("main iframe.micro-frontend")

    def open(self, title):
        """Search for a plugin on the first page, and open its form."""
        self.page.goto(self._url)
        self.page.get_by_label("Search name, description, and tags").fill(title)
        self.page.get_by_role("button", name="Search").click()
        self.page.locator(".card").get_by_role("link", name=title, exact=True).click()

    def upload(self, path):
        """Choose a file of this machine for the first file that the form asks for."""
        self.form.get_by_role("button", name="Choose file").first.click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_text("Upload a file").click()
        dialog.get_by_label("File", exact=True).set_input_files(path)
        dialog.get_by_role("button", name="Upload and choose").click()
        expect(self.form.locator(".selected-file-name").first).to_contain_text(path.stem)

    def choose(self, label, name, form=None):
        """Choose the newest file of a name among those of earlier tasks."""
        form = form or self.form
        field = form.locator(".qhana-form-field", has=form.get_by_label(label))
        field.get_by_role("button", name="Choose file").click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_role("button", name=re.compile(f"^{re.escape(name)}")).first.click()

    def paste(self, label, lines):
        """Paste lines into an input that takes several values."""
        paste(self.form.get_by_label(label, exact=True), "\n".join(lines))

    def submit(self):
        """Submit the form, and wait for the page of its task."""
        self.form.get_by_role("button", name="Submit").click()
        self.page.wait_for_url(re.compile(r"/tasks/\d+/$"))

    def run(self):
        """Submit the form, and wait until its task has finished."""
        self.submit()
        self.finish()

    def wait_for_step(self):
        """Wait until the task asks for more, and has shown its form."""
        expect(
            self.page.get_by_role("heading", name="Your input is required")
        ).to_be_visible()
        expect(self.form.get_by_role("button", name="Submit")).to_be_visible()

    def answer(self):
        """Submit the form of a step, and wait until it is closed."""
        self.form.get_by_role("button", name="Submit").click()
        expect(self.page.locator("main iframe.micro-frontend")).to_have_count(0)

    def finish(self):
        """Wait until the task of the page has finished."""
        state = self.page.locator("#task-state strong")
        expect(state).to_have_text(re.compile("finished|failed|canceled"))
        assert state.inner_text() == "finished", self.log

    @property
    def log(self):
        """The log of the task of the page."""
        return self.page.locator("#log").inner_text()

    def output(self, name):
        """Return an output on the page of a task."""
        return self.page.locator(".outputs > li").filter(
            has=self.page.get_by_role("heading", name=name, exact=True)
        )

    def download(self, name):
        """Download an output of the task, and return the path of the copy."""
        with self.page.expect_download() as download:
            self.output(name).get_by_role("link", name="Download").click()
        return download.value.path()

    def shoot(self, name):
        """Take a picture of the whole page."""
        self._shoot(self.page, name)

    def use(self, name, title):
        """Open the form of a plugin that takes an output of the task."""
        uses = self.output(name).locator("details.use-in")
        uses.locator("summary").click()
        uses.get_by_role("link", name=title, exact=True).click()
        expect(self.form.get_by_role("button", name="Submit")).to_be_visible()

    def show(self, name, title):
        """Let a plugin show an output of the task, and return the frame."""
        self.output(name).get_by_role("link", name=title, exact=True).click()
        return self.shown(name)

    def shown(self, name):
        """Return the frame in which a plugin shows an output of the task."""
        self.output(name).scroll_into_view_if_needed()
        return self.output(name).frame_locator("iframe.micro-frontend")
