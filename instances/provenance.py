"""The words that say where a number comes from: read, derived or assumed (C3)."""

import re

WORDS = ("read", "derived", "assumed")
ROW = ""
"""Key of the word that holds for a whole row."""

_PART = re.compile(r"(?:([A-Za-z0-9_]+)\s*:\s*)?(read|derived|assumed)\b(?:\s*\([^;]*\))?", re.ASCII)


def parse(text: str) -> dict[str, str]:
    """Read a provenance cell.

    Args:
        text: a word for the whole row, or ``column:word`` parts separated by ``;``, each with a reason in brackets if wanted. A later part replaces an earlier one.

    Returns:
        The word of each column named; ``ROW`` is the word of all others.

    Raises:
        ValueError: if a part has another form.
    """
    words = {}
    for part in text.split(";"):
        if not part.strip():
            continue
        match = _PART.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"no provenance: {part.strip()!r}")
        words[match[1] or ROW] = match[2]
    if not words:
        raise ValueError("no provenance")
    return words


def word(words: dict[str, str], column: str) -> str:
    """Return the word of a column; a number without one counts as assumed."""
    return words.get(column, words.get(ROW, "assumed"))
