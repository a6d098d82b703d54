"""Methods that most models share."""

from ..db import DB


class Saved:
    """A model with a method to save rows."""

    def save(self, commit: bool = False) -> None:
        """Add the row to the session.

        Args:
            commit: commit everything in the session.
        """
        DB.session.add(self)
        if commit:
            DB.session.commit()
