"""A secret in the short form of a plugin."""

from qhana_plugin_runner.authoring import Secret, Task, plugin


@plugin(version="v1.0.0")
def check_password(task: Task, password: Secret) -> None:
    """Tells whether a password is long.

    Args:
        password: Any password.
    """
    task.log("long" if len(password) > 8 else "short")
