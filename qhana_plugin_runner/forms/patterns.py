"""Regular expressions of Python as the ``pattern`` attribute of an HTML input.

Browsers match a pattern with JavaScript's ``v`` flag (older ones with ``u``) against the
whole value. What means the same in both languages is carried over or rewritten; for anything
else there is no pattern, and the server alone decides: a browser must never refuse what the
server accepts.
"""

import re

__all__ = ["html_pattern"]

# Python's classes know all scripts, those of JavaScript only ASCII.
_SETS = {"d": r"\p{Nd}", "D": r"\P{Nd}", "s": r"\s", "S": r"\S", "w": r"\p{L}\p{N}_"}
_ASCII_SETS = {"d": r"\d", "D": r"\D", "s": r"\s", "S": r"\S", "w": r"\w", "W": r"\W"}
_CONTROLS = "tnrfv"
_SYNTAX = frozenset(r"^$\.*+?()[]{}|/")
_SYNTAX_IN_SET = frozenset(r"^\()[]{}/-|")
# Two of these in a row are reserved in sets under the ``v`` flag.
_RESERVED_DOUBLES = frozenset("&!#%,:;<=>@`~$*+.?^")
_GROUPS = ("?:", "?=", "?!", "?<=", "?<!")


class _Untranslatable(Exception):
    """The expression uses something that JavaScript lacks or understands differently."""


def html_pattern(regex: re.Pattern[str] | re.Pattern[bytes]) -> str | None:
    """Translate an expression that Python applies with :meth:`re.Pattern.match`.

    Returns ``None`` when there is no pattern that accepts the same values.

    >>> html_pattern(re.compile("[a-z]+$"))
    '[a-z]+$'
    >>> html_pattern(re.compile("ab|cd"))
    '(?:ab|cd).*'
    >>> html_pattern(re.compile("(?i)abc")) is None
    True
    """
    if isinstance(regex.pattern, bytes) or regex.flags & ~(re.UNICODE | re.ASCII):
        return None
    translation = _Translation(regex.pattern, ascii_only=bool(regex.flags & re.ASCII))
    try:
        pattern = translation.translate()
    except _Untranslatable:
        return None
    if translation.ends_at_end and not translation.has_alternatives:
        return pattern
    return f"(?:{pattern}).*"


class _Translation:
    """A walk along an expression that Python has compiled, so that it is well-formed."""

    def __init__(self, source: str, ascii_only: bool) -> None:
        self.source = source
        self.sets = _ASCII_SETS if ascii_only else _SETS
        self.position = 0
        self.depth = 0
        self.has_alternatives = False
        self.ends_at_end = False

    def translate(self) -> str:
        parts = []
        while self.position < len(self.source):
            parts.append(self._element())
        self.ends_at_end = bool(parts) and parts[-1] == "$"
        return "".join(parts)

    def _take(self) -> str:
        character = self.source[self.position]
        self.position += 1
        return character

    def _take_if(self, text: str) -> bool:
        found = self.source.startswith(text, self.position)
        self.position += len(text) if found else 0
        return found

    def _element(self) -> str:
        character = self._take()
        if character == "\\":
            return self._escape()
        if character == "[":
            return self._set()
        if character == "(":
            return self._group()
        if character == "{":
            return self._braces()
        if character in "*+?":
            return self._quantifier(character)
        if character in "}]":
            return f"\\{character}"
        if character == ")":
            self.depth -= 1
        self.has_alternatives |= character == "|" and self.depth == 0
        return character

    def _quantifier(self, quantifier: str) -> str:
        if self._take_if("+"):
            raise _Untranslatable("possessive quantifiers")
        return quantifier + ("?" if self._take_if("?") else "")

    def _braces(self) -> str:
        counts = re.compile(r"(\d*)(,?)(\d*)\}").match(self.source, self.position)
        if counts is None or not (counts[1] or counts[3]):
            return r"\{"
        self.position = counts.end()
        return self._quantifier(f"{{{counts[1] or 0}{counts[2]}{counts[3]}}}")

    def _group(self) -> str:
        again = re.compile(r"\?P=(\w+)\)").match(self.source, self.position)
        if again:
            self.position = again.end()
            return rf"\k<{again[1]}>"
        self.depth += 1
        for start in _GROUPS:
            if self._take_if(start):
                return f"({start}"
        named = re.compile(r"\?P<(\w+)>").match(self.source, self.position)
        if named:
            self.position = named.end()
            return f"(?<{named[1]}>"
        if self._take_if("?"):
            raise _Untranslatable("flags, conditions, comments and atomic groups")
        return "("

    def _escape(self) -> str:
        character = self._take()
        if character == "A":
            return "^"
        if character in "Zz":
            return "$"
        if character == "W" and character not in self.sets:
            return r"[^\p{L}\p{N}_]"
        if character in self.sets:
            members = self.sets[character]
            return f"[{members}]" if character == "w" else members
        if character in "123456789":
            if self.position < len(self.source) and self.source[self.position].isdigit():
                raise _Untranslatable("references beyond the ninth, octal numbers")
            return f"\\{character}"
        return self._escaped_character(character, _SYNTAX)

    def _escaped_character(self, character: str, syntax: frozenset[str]) -> str:
        if character in _CONTROLS:
            return f"\\{character}"
        if character in "xu":
            digits = 2 if character == "x" else 4
            start, self.position = self.position, self.position + digits
            return f"\\{character}{self.source[start:self.position]}"
        if character.isalnum():
            raise _Untranslatable(f"the escape \\{character}")
        return f"\\{character}" if character in syntax else character

    def _set(self) -> str:
        start = "[^" if self._take_if("^") else "["
        members: list[str] = []
        while not (self.source[self.position] == "]" and members):
            members.append(self._member())
            if self._is_range():
                self.position += 1
                members.append("-")
                members.append(self._member())
        self.position += 1
        for one, next_one in zip(members, members[1:]):
            if one == next_one and one in _RESERVED_DOUBLES:
                raise _Untranslatable("doubled punctuation in a set")
        return f"{start}{''.join(members)}]"

    def _is_range(self) -> bool:
        following = self.source[self.position : self.position + 2]
        return len(following) == 2 and following[0] == "-" and following[1] != "]"

    def _member(self) -> str:
        character = self._take()
        if character != "\\":
            return f"\\{character}" if character in _SYNTAX_IN_SET else character
        character = self._take()
        if character in self.sets:
            return self.sets[character]
        if character in "123456789":
            raise _Untranslatable("octal numbers")
        return self._escaped_character(character, _SYNTAX_IN_SET)
