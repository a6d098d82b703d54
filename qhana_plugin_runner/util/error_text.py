"""The text of an error, in one line that logs and pages can show."""

import os


def name_and_text(error: BaseException) -> str:
    """Return the class of an error and its text, in one line."""
    return f"{type(error).__name__}: {error_text(error)}".removesuffix(": ")


def error_text(error: BaseException) -> str:
    try:
        return printable(" ".join(str(error).split()))
    except Exception:  # the text of an error is made by foreign code too
        return "its text cannot be shown"


def printable(text: str) -> str:
    """File names that are no UTF-8 hold characters that neither log nor page can show."""
    return os.fsencode(text).decode("utf-8", "replace")
