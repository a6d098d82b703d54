"""What checks can find, in the words of a reviewer."""

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """A kind of finding.

    Attributes:
        text: what is wrong; names in braces are filled in
        cure: what to do about it
    """

    text: str
    cure: str


FINDINGS = {
    # Loading
    "import-fails": Kind("The module cannot be imported: {cause}", "{advice}"),
    "packages-missing": Kind(
        "{cause} The plugin is not served, and was not checked.", "{advice}"
    ),
    "import-connects": Kind(
        "While it is imported, the module connects to {address}.",
        "Connect in the task. Otherwise, an unavailable service prevents the plugin from being served.",
    ),
    "import-slow": Kind(
        "The import takes {seconds} s of processor time (new modules: {modules}).",
        "Import large libraries inside the task. All processes wait for the import at startup.",
    ),
    "no-plugin": Kind(
        "The module defines no plugin.",
        "Derive a class from QHAnaPluginBase, and give it a name and a version.",
    ),
    "class-nameless": Kind(
        "The class {name} has no {attribute}, so it is not a plugin.",
        "Set the class attribute {attribute!r} to a text.",
    ),
    "set-up-fails": Kind("The plugin cannot be set up: {cause}", "{advice}"),
    "no-blueprint": Kind(
        "has_api is set, but get_api_blueprint() returns no blueprint, so nothing is served.",
        "Return the blueprint from get_api_blueprint(). The runner sets has_api itself.",
    ),
    "not-served": Kind("The plugin is not served: {cause}", "{advice}"),
    "undocumented": Kind(
        "The plugin is missing from the API document: {cause}", "{advice}"
    ),
    "requirements-unreadable": Kind(
        "The requirements cannot be read: {cause}",
        "Return a string literal with one package per line.",
    ),
    "processes-differ": Kind(
        "Web server and worker do not load the same: {difference}.",
        "Define plugins and tasks at import, in every process that imports the module.",
    ),
    "stuck": Kind(
        "The checks did not finish within {seconds} s.",
        "Look for a view or task that waits for something.",
    ),
    # Metadata
    "metadata-fails": Kind(
        "The metadata cannot be read: {cause}",
        "Return a PluginMetadata from GET / of the blueprint, with the PluginMetadataSchema.",
    ),
    "metadata-incomplete": Kind(
        "The metadata has no {key}.",
        "Fill it in: people and clients use it to find the plugin.",
    ),
    "metadata-differs": Kind(
        "The metadata says {key} {told!r}, and the class {meant!r}.",
        "Use one constant for both: clients compare them.",
    ),
    "link-dead": Kind(
        "{key} links to {url}, which does not support {method}.",
        "Create the link with url_for() from the endpoint of the view.",
    ),
    "input-without-field": Kind(
        "The metadata names the input {name!r}, which is not a field of the form.",
        "Use the key of the field ({fields}) as parameter. Keys are in camelCase.",
    ),
    "input-undeclared": Kind(
        "The field {name!r} takes the URL of data, but the metadata does not name it.",
        "Add an InputDataMetadata with parameter={name!r} to data_input, so that files are offered for it.",
    ),
    "input-differs": Kind(
        "The metadata says of the input {name!r} that its {what} is {told}, and the field {meant}.",
        "Use one constant for both.",
    ),
    # Form
    "form-fails": Kind(
        "The form cannot be shown: {cause}", "Render the form without any values, too."
    ),
    "form-unfilled": Kind(
        "The form ignores the value for {name!r} in its query.",
        "Render it with values=request.args, so that links, tasks, and examples can fill it in.",
    ),
    "form-unchecked": Kind(
        "The button “validate” posts the form to its own address, which fails: {cause}",
        'Let the view of the form also accept POST: methods=["GET", "POST"].',
    ),
    "form-hides-errors": Kind(
        "The form shows no error when {name!r} is {value!r}.",
        "Validate what was posted, and render the form with errors=.",
    ),
    "form-lacks-field": Kind(
        "The processing endpoint requires {name!r}, which the form does not have.",
        "Use one schema for both, or give the field a load_default.",
    ),
    "form-leads-away": Kind(
        "No button of the form sends it to the processing endpoint {url}.",
        "Render it with process=url_for() of the view that the metadata names in href.",
    ),
    "form-inaccessible": Kind(
        "{what}.", "Without it, people who use a screen reader do not know what to enter."
    ),
    "form-fails-axe": Kind(
        "{what} (axe rule {rule}): {element}", "See {url} for what it means to people."
    ),
    # Processing
    "process-fails": Kind(
        "The processing endpoint fails for what the form sends: {cause}",
        "Correct the view; {values} was sent.",
    ),
    "process-refuses": Kind(
        "The processing endpoint rejects what the form sends: {cause}",
        "Use the schema of the form, with unknown=EXCLUDE; {values} was sent.",
    ),
    "process-takes-anything": Kind(
        "The processing endpoint accepts an empty form, although {name!r} is required.",
        "Decorate the view with BLP.arguments(Schema(unknown=EXCLUDE), location='form').",
    ),
    "process-without-task": Kind(
        "The processing endpoint returns {status}, and not the URL of a task.",
        "Redirect to the task: redirect(url_for('tasks-api.TaskView', task_id=str(task.id)), 303).",
    ),
    # Tasks
    "task-name-foreign": Kind(
        "The Celery task {name!r} may collide with that of another plugin.",
        "Start its name with the identifier of the plugin: name=f'{{IDENTIFIER}}.{short}'.",
    ),
    "task-name-twice": Kind(
        "Two Celery tasks have the name {name!r}: only the first ever runs.",
        "Give each a different name.",
    ),
    "task-unknown": Kind(
        "The plugin sends the Celery task {name!r}, which no worker knows.",
        "Define it with @CELERY.task(name={name!r}) in a module that is always imported.",
    ),
    "task-never-ends": Kind(
        "The task still waits after all its work is done.",
        "End the chain with save_task_result.s(db_id=task.id), or with add_step.",
    ),
    "cancel-swallowed": Kind(
        "The Celery task {name!r} catches everything, including the exit of its process.",
        "Catch Exception instead, or raise the error again.",
    ),
    # Outputs
    "output-undeclared": Kind(
        "The output {name!r} ({types}) is not declared in the metadata ({declared}).",
        "Add it to data_output, or save it with the declared types.",
    ),
    "output-missing": Kind(
        "The task succeeded without the output {declared}, which the metadata declares as required.",
        "Save it, or declare it with required=False.",
    ),
    "output-malformed": Kind(
        "The output {name!r} does not match its content type {type}: {cause}",
        "Save it with the correct type.",
    ),
}
"""All that can be found: code -> what is wrong, and what to do about it."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a plugin.

    Attributes:
        code: the kind; one of :data:`FINDINGS`
        plugin: its identifier, or its file
        place: file and line, or URL
        text: what is wrong
        cure: what to do about it
    """

    code: str
    plugin: str
    place: str
    text: str
    cure: str

    @classmethod
    def of(cls, code: str, plugin: str, place: str, **details: Any) -> "Finding":
        """Make a finding of a kind, with the details that its texts name."""
        kind = FINDINGS[code]
        text, cure = kind.text.format(**details), kind.cure.format(**details)
        return cls(code, plugin, place, _sentence(text), _sentence(cure))

    def as_dict(self) -> dict[str, str]:
        """Return it for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        return f"{self.place}: {self.code}: {self.text}\n    {self.cure}"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
