"""What most rows have in common."""

from ..db import DB


class Saved:
    """Rows that save themselves."""

    def save(self, commit: bool = False) -> None:
        """Add the row to the session.

        Parameters:
            commit: commit everything in the session.
        """
        DB.session.add(self)
        if commit:
            DB.session.commit()
