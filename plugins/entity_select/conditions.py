"""Conditions on entities: a small part of Python's expressions, which is read and not run."""

import ast
import operator
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from qhana_plugin_runner.plugin_utils.attributes import parse_bool, parse_float

__all__ = ["MAX_LENGTH", "Condition", "ConditionError", "read_condition"]

Row = Mapping[str, Any]
Read = Callable[[Row], Any]

MAX_LENGTH = 2000
"""Characters of a condition."""

MAX_DEPTH = 40
"""Levels of brackets and operators inside of each other."""

_EXACT = 2**53
"""Floats hold all whole numbers below this one."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].+)?", re.ASCII)

_COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.eq,
    ast.IsNot: operator.ne,
}

_OF_MISSING = (operator.eq, operator.ne)
"""What a missing value can fulfill."""

_COMPUTE: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
}


class ConditionError(ValueError):
    """The condition makes no sense; the text says why, and where."""


def read_condition(text: str) -> "Condition":
    """Read a condition.

    >>> is_large = read_condition('size > 3 and kind not in ["a", "b"]')
    >>> is_large({"size": "4", "kind": "c"}), is_large({"size": "4", "kind": "a"})
    (True, False)
    >>> is_large({"size": "", "kind": "c"})
    False

    Raises:
        ConditionError: it is none.
    """
    return Condition(text)


class Condition:
    """A function of an entity that tells whether it fulfills the condition.

    Attributes:
        attributes: the names of the attributes that the condition looks at.
    """

    def __init__(self, text: str) -> None:
        self._text = " ".join(text.splitlines()).strip()
        self.attributes: set[str] = set()
        self._odd: dict[tuple[str, str], list[Any]] = {}
        self._depth = 0
        self._is_fulfilled: Read = (
            self._truth(self._parsed()) if self._text else lambda _row: True
        )

    def __call__(self, row: Row) -> bool:
        return bool(self._is_fulfilled(row))

    def remarks(self) -> Iterator[str]:
        """Tell which values were no numbers or dates where the condition wants some."""
        for (name, kind), (count, value, entity) in self._odd.items():
            yield (
                f"{count} values of {name} are no {kind} and count as missing, such as "
                f"{value!r:.99} of entity {entity!r:.99}."
            )

    def _parsed(self) -> ast.expr:
        if len(self._text) > MAX_LENGTH:
            raise ConditionError(f"The condition has more than {MAX_LENGTH} characters.")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # such as one about "\d"
                # In brackets Python knows better what is wrong with `size = 3`.
                return ast.parse(f"({self._text}\n)", mode="eval").body
        except SyntaxError as error:
            is_end = (error.lineno or 1) > 1
            column = len(self._text) if is_end else (error.offset or 2) - 2
            raise self._wrong(column, _cure(error.msg)) from None
        except (ValueError, RecursionError, MemoryError):
            raise ConditionError("The condition goes too deep, or is no text.") from None

    def _refuse(self, node: ast.expr, reason: str) -> ConditionError:
        column = len(self._text.encode()[: max(0, node.col_offset - 1)].decode())
        return self._wrong(column, reason)

    def _wrong(self, column: int, reason: str) -> ConditionError:
        rest = self._text[column:].strip()
        place = f"at character {column + 1} ({rest:.20})" if rest else "at the end"
        return ConditionError(f"The condition is wrong {place}: {reason}.")

    def _enter(self, node: ast.expr, read: Callable[[Any], Read]) -> Read:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ConditionError(
                f"The condition has more than {MAX_DEPTH} levels of brackets and operators."
            )
        try:
            return read(node)
        finally:
            self._depth -= 1

    # What is true or false.

    def _truth(self, node: ast.expr) -> Read:
        read = {
            ast.BoolOp: self._logic,
            ast.Compare: self._comparisons,
            ast.UnaryOp: self._negation,
        }.get(type(node), self._yes_or_no)
        return self._enter(node, read)

    def _logic(self, node: ast.BoolOp) -> Read:
        parts = [self._truth(each) for each in node.values]
        decisive = isinstance(node.op, ast.Or)

        def logic(row: Row) -> bool:
            for part in parts:
                if part(row) is decisive:
                    return decisive
            return not decisive

        return logic

    def _negation(self, node: ast.UnaryOp) -> Read:
        if not isinstance(node.op, ast.Not):
            return self._yes_or_no(node)
        part = self._truth(node.operand)
        return lambda row: not part(row)

    def _yes_or_no(self, node: ast.expr) -> Read:
        if isinstance(node, ast.Constant) and isinstance(node.value, bool):
            return lambda _row: node.value
        name = self._name_of(node)
        if name is None:
            raise self._refuse(node, "this is neither true nor false: compare it")

        def yes_or_no(row: Row) -> bool:
            value = row.get(name)
            if value is None or value == "":
                return False
            try:
                return parse_bool(value)
            except ValueError:
                raise ConditionError(
                    f"{value!r:.99}, the {name!r} of entity {row.get('ID')!r:.99}, is neither "
                    f'true nor false: compare it, as in `{ast.unparse(node)} == "..."`.'
                ) from None

        return yes_or_no

    def _comparisons(self, node: ast.Compare) -> Read:
        terms = [node.left, *node.comparators]
        tests = [
            self._comparison(left, op, right)
            for left, op, right in zip(terms, node.ops, terms[1:])
        ]
        if len(tests) == 1:
            return tests[0]
        return lambda row: all(test(row) for test in tests)

    def _comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Read:
        if isinstance(op, ast.In):
            return self._membership(left, right)
        if isinstance(op, ast.NotIn):
            is_in = self._membership(left, right)
            return lambda row: not is_in(row)
        kinds = {self._kind(left), self._kind(right)}
        if isinstance(op, (ast.Is, ast.IsNot)) and "missing" not in kinds:
            raise self._refuse(right, "`is` is for None; write `==`")
        # The most special kind counts: so a text of a file is a number beside a number.
        readers = {
            "number": self._number,
            "truth": self._parsed_truth,
            "date": self._date,
            "text": self._words,
            "missing": self._value,
            "any": self._value,
        }
        kind = next(each for each in readers if each in kinds)
        read_left, read_right = readers[kind](left), readers[kind](right)
        compare = _COMPARE[type(op)]
        is_open = kind == "any"

        def comparison(row: Row) -> bool:
            first, second = read_left(row), read_right(row)
            if first is None or second is None:
                return compare in _OF_MISSING and bool(compare(first, second))
            if is_open:
                first, second = _alike(first, second)
            return bool(compare(first, second))

        return comparison

    def _membership(self, left: ast.expr, right: ast.expr) -> Read:
        if isinstance(right, (ast.List, ast.Tuple, ast.Set)):
            if {self._kind(each) for each in right.elts} == {"text"}:
                words = frozenset(ast.literal_eval(right))
                word = self._words(left)
                return lambda row: word(row) in words
            tests = [self._comparison(left, ast.Eq(), each) for each in right.elts]
            return lambda row: any(test(row) for test in tests)
        part, whole = self._words(left), self._value(right)

        def is_part(row: Row) -> bool:
            wanted, values = part(row), whole(row)
            if wanted is None or values is None:
                return False
            if isinstance(values, list):  # JSON has such
                return wanted in map(str, values)
            return wanted in str(values)

        return is_part

    # What is compared.

    def _kind(self, node: ast.expr) -> str:
        """Return what a term is, as far as can be told without an entity."""
        if isinstance(node, ast.Constant):
            if node.value is None or node.value == "":
                return "missing"
            if isinstance(node.value, bool):
                return "truth"
            if isinstance(node.value, str):
                return "date" if _date_of(node.value, _DATE) else "text"
            return "number"
        return "number" if isinstance(node, (ast.BinOp, ast.UnaryOp)) else "any"

    def _value(self, node: ast.expr) -> Read:
        """Read a term; what is missing is ``None``."""
        if isinstance(node, (ast.BinOp, ast.UnaryOp)):
            return self._number(node)
        if isinstance(node, ast.Constant):
            value = node.value if node.value != "" else None
            if value is not None and not isinstance(value, (str, int, float)):
                raise self._refuse(node, "this is neither a number nor a text")
            return lambda _row: value
        name = self._name_of(node)
        if name is None:
            raise self._refuse(node, _hint(node))

        def attribute(row: Row) -> Any:
            value = row.get(name)
            return None if value == "" or value != value else value

        return attribute

    def _name_of(self, node: ast.expr) -> str | None:
        """Return the name of an attribute: ``name``, or ``row["name"]``."""
        name: Any = None
        if isinstance(node, ast.Name):
            name = node.id
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            if node.value.id == "row" and isinstance(node.slice, ast.Constant):
                name = node.slice.value
        if not isinstance(name, str):
            return None
        self.attributes.add(name)
        return name

    def _number(self, node: ast.expr) -> Read:
        if isinstance(node, ast.BinOp):
            return self._enter(node, self._computed)
        if isinstance(node, ast.UnaryOp):
            return self._enter(node, self._signed)
        return self._read_as(node, "numbers", number_of)

    def _computed(self, node: ast.BinOp) -> Read:
        compute = _COMPUTE.get(type(node.op))
        if compute is None:
            raise self._refuse(node, "compute with + - * / % only")
        left, right = self._number(node.left), self._number(node.right)

        def computed(row: Row) -> float | None:
            first, second = left(row), right(row)
            if first is None or second is None:
                return None
            try:
                return compute(float(first), float(second))
            except ArithmeticError:  # a division by zero, a number that is too large
                return None

        return computed

    def _signed(self, node: ast.UnaryOp) -> Read:
        if not isinstance(node.op, (ast.USub, ast.UAdd)):
            raise self._refuse(node, "this is no number")
        part = self._number(node.operand)
        if isinstance(node.op, ast.UAdd):
            return part
        return lambda row: None if (value := part(row)) is None else -value

    def _date(self, node: ast.expr) -> Read:
        return self._read_as(node, "dates", _date_of)

    def _words(self, node: ast.expr) -> Read:
        return self._read_as(node, "texts", str)

    def _parsed_truth(self, node: ast.expr) -> Read:
        return self._read_as(node, "truth values", parse_bool)

    def _read_as(self, node: ast.expr, kind: str, convert: Callable[[Any], Any]) -> Read:
        """Read a term as a kind of value; what is not of that kind is ``None``, and noted."""
        read = self._value(node)
        if isinstance(node, ast.Constant):
            try:
                constant = None if node.value in (None, "") else convert(node.value)
            except ValueError:
                constant = None
            if constant is None and node.value not in (None, ""):
                reason = f"this is compared with {kind}, and is none"
                if isinstance(node.value, str):
                    reason += f'; for an attribute write row["{node.value}"]'
                raise self._refuse(node, reason)
            return lambda _row: constant
        name = ast.unparse(node)

        def converted(row: Row) -> Any:
            value = read(row)
            if value is None:
                return None
            try:
                return convert(value)
            except (TypeError, ValueError):
                odd = self._odd.setdefault((name, kind), [0, value, row.get("ID")])
                odd[0] += 1
                return None

        return converted


def _cure(message: str) -> str:
    """Say what Python finds wrong with a syntax, and how to write it, where Python has no idea."""
    if not message.startswith("invalid syntax"):
        return message
    return (
        "invalid syntax; write == for equal, texts in quotes, and "
        'row["bill length"] for names that are not a single word'
    )


def _hint(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f'write row["{ast.unparse(node)}"] for names that are not a single word'
    if isinstance(node, ast.Call):
        return "there are no functions here"
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return "a list stands behind `in`"
    return (
        "compare attributes, numbers, and texts in quotes; combine with and, or, not and "
        "brackets"
    )


def _alike(left: Any, right: Any) -> tuple[Any, Any]:
    """Return two values of a file as numbers or dates when both are, and else as texts."""
    for convert in (number_of, _date_of):
        try:
            return convert(left), convert(right)
        except (TypeError, ValueError):
            continue
    return str(left), str(right)


def number_of(value: Any) -> float:
    """Return the number that a value of a file stands for.

    Raises:
        ValueError: it stands for none.
        TypeError: it is a list or another structure.
    """
    if not isinstance(value, str):
        return value if isinstance(value, int) else float(value)
    number = parse_float(value)
    if not -_EXACT < number < _EXACT and value.strip("+- ").isdecimal():
        return int(value)
    return number


def _date_of(value: Any, pattern: re.Pattern[str] | None = None) -> Any:
    """Return the date and time that a text stands for; without a time zone it is UTC.

    Args:
        value: the text.
        pattern: how it has to look; otherwise the answer is ``None``.

    Raises:
        ValueError: it stands for none.
    """
    text = str(value)
    if pattern and not pattern.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        if pattern:
            return None
        raise
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
