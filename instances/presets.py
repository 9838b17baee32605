"""Precedents of contracts, whose terms a club can take over (C14)."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from . import schema
from .errors import Problems, did_you_mean
from .reader import RawSettings
from .schema import CLUB_FILE, Value
from .values import parse_native

__all__ = ["KEY", "TERMS", "Preset", "apply", "presets"]

KEY = "contract.preset"
TERMS = ("tenor_years", "share", "upside_share", "collar", "indexed_share", "stockpile_counted")
"""What a precedent states, each a key of the section ``contract``."""

_FILE = Path(__file__).parent / "presets.toml"


@dataclass(frozen=True)
class Preset:
    """Hold the terms of a precedent, by the name after ``contract.``, and where each comes from."""

    name: str
    title: str
    source: str
    terms: Mapping[str, Value]
    provenance: Mapping[str, str]


@cache
def presets() -> Mapping[str, Preset]:
    """Read the precedents of ``presets.toml`` by name.

    Raises:
        ValueError: if a precedent does not state all ``TERMS`` and nothing else, with a provenance for each.
    """
    tree = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {name: _preset(name, entry) for name, entry in tree.items()}


def _preset(name: str, entry: Mapping[str, Mapping[str, object]]) -> Preset:
    terms, provenance = entry["terms"], {key: str(word) for key, word in entry["provenance"].items()}
    if set(terms) != set(TERMS) or set(provenance) != set(TERMS):
        raise ValueError(f"presets.toml: {name} must state {', '.join(TERMS)}, each with its provenance")
    parsed = {key: parse_native(schema.settings()[f"contract.{key}"], terms[key]) for key in TERMS}
    return Preset(name, str(entry["title"]), str(entry["source"]), parsed, provenance)


def apply(raw: RawSettings, problems: Problems) -> None:
    """Add the terms of the precedent that the settings name, where they do not set a term themselves.

    Args:
        raw: the settings read, overrides included; changed in place.
        problems: receives a precedent that does not exist.
    """
    name = raw.values.get(KEY)
    if not name:
        return
    found = presets().get(str(name))
    if found is None:
        problems.add(CLUB_FILE, raw.lines.get(KEY), KEY, str(name), f"one of {', '.join(presets())}, or an empty text", did_you_mean(str(name), presets()))
        return
    for key, value in found.terms.items():
        raw.values.setdefault(f"contract.{key}", value)
