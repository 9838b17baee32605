"""Strict reading of single values, from text or from TOML."""

import math
import re

from .field import FIRST_YEAR, LAST_YEAR, Field, Value

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,63}", re.ASCII)
_BOOL = {"1": True, "0": False, "true": True, "false": False, "yes": True, "no": False}
_LONGEST_NUMBER = 40


class ValueProblem(ValueError):
    """Say that a value does not fit its field."""


def _number(text: str) -> float:
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        raise ValueProblem("write plain digits: no separators, units or words")
    value = float(text)
    if not math.isfinite(value):
        raise ValueProblem("the number is too large")
    return value


def _whole(value: float) -> int:
    if value != int(value):
        raise ValueProblem("no fraction is allowed")
    return int(value)


def _in_bounds(field: Field, value: float) -> None:
    low, high, above = field.minimum, field.maximum, field.above
    if field.kind == "year":
        low, high = FIRST_YEAR, LAST_YEAR
    if (low is not None and value < low) or (high is not None and value > high) or (above is not None and value <= above):
        raise ValueProblem("the value is out of bounds")


def _pairs(text: str) -> tuple[tuple[int, float], ...]:
    pairs = []
    for part in text.split("|"):
        year, sep, rate = part.partition(":")
        if not sep:
            raise ValueProblem("write 2031:0.075|2032:0.05")
        pairs.append((_whole(_number(year.strip())), _number(rate.strip())))
    return tuple(pairs)


def parse_text(field: Field, text: str) -> Value:
    """Read a non-empty cell or an override given as text.

    Args:
        field: what the value must be.
        text: the characters; surrounding blanks do not count.

    Raises:
        ValueProblem: if the text does not fit the field.
    """
    text = text.strip()
    kind = field.kind
    if kind in ("float", "int", "year"):
        return _scalar(field, _number(text))
    if kind == "bool":
        if text.lower() not in _BOOL:
            raise ValueProblem("")
        return _BOOL[text.lower()]
    if kind == "numbers":
        inner = text.strip("[] ")
        return _many(field, [_number(part.strip()) for part in re.split(r"[|;,]", inner)] if inner else [])
    if kind == "list":
        parts = (part.strip().strip("\"'") for part in re.split(r"[;,]", text.strip("[]")))
        return tuple(_identifier(part) for part in parts if part)
    if kind == "schedule":
        return _schedule(field, _pairs(text))
    if kind == "id":
        return _identifier(text)
    if kind == "choice" and text not in field.choices:
        raise ValueProblem("")
    return text


def parse_native(field: Field, value: object) -> Value:
    """Read a value that TOML or Python has already typed.

    Args:
        field: what the value must be.
        value: text, number, truth value or a list of them.

    Raises:
        ValueProblem: if the value does not fit the field.
    """
    if isinstance(value, str):
        return parse_text(field, value)
    if isinstance(value, bool):
        if field.kind != "bool":
            raise ValueProblem("a truth value is no number")
        return value
    if isinstance(value, int | float) and field.kind in ("float", "int", "year"):
        return _scalar(field, _finite(value))
    if isinstance(value, list | tuple):
        if field.kind == "numbers":
            return _many(field, [_finite(item) for item in value])
        if field.kind == "list" and all(isinstance(item, str) for item in value):
            return tuple(_identifier(str(item)) for item in value)
    if isinstance(value, int) and field.kind == "bool" and value in (0, 1):
        return bool(value)
    raise ValueProblem("the value has another type")


def _finite(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueProblem("every item must be a number")
    if isinstance(value, int) and abs(value) > 10**300:
        raise ValueProblem("the number is too large")
    if not math.isfinite(value):
        raise ValueProblem("nan and inf are no numbers here")
    return float(value)


def _scalar(field: Field, value: float) -> Value:
    _in_bounds(field, value)
    return value if field.kind == "float" else _whole(value)


def _many(field: Field, values: list[float]) -> Value:
    if not values and field.default != ():
        raise ValueProblem("the list is empty")
    for value in values:
        _in_bounds(field, value)
    return tuple(values)


def _schedule(field: Field, pairs: tuple[tuple[int, float], ...]) -> Value:
    years = [year for year, _ in pairs]
    if years != sorted(set(years)):
        raise ValueProblem("years must rise")
    for year, rate in pairs:
        _in_bounds(field, rate)
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise ValueProblem("the year is out of bounds")
    return pairs


def _identifier(text: str) -> str:
    if not _ID.fullmatch(text):
        raise ValueProblem("")
    return text
