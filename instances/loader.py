"""Loading: the one way from files to an ``Instance``."""

from pathlib import Path

from . import catalogue, checks, club_checks, frames, presets, reader, resolve
from . import overrides as changes
from .errors import Problems
from .instance import Filled, Instance
from .overrides import OVERRIDE, Given, Pair
from .resolve import Tables
from .schema import Value

__all__ = ["load"]


def load(name_or_path: str | Path, overrides: Given = None) -> Instance:
    """Read, check and resolve an instance.

    Args:
        name_or_path: a shipped name, or the path of a folder.
        overrides: a mapping or ``key=value`` texts; keys are those of club.toml, ``table.row.column``, ``finance.parameter[.country][.stage]`` and
            ``assumptions.name.scope``.

    Returns:
        The instance, with its content hash. Overrides that repeat the values in force leave the hash as it is.

    Raises:
        InstanceError: with all mistakes of all files at once.
    """
    folder = catalogue.resolve(name_or_path)
    problems = Problems()
    raw = reader.read_settings(folder, problems)
    tables = reader.read_tables(folder, problems)
    checks.structure(tables, problems)
    given = changes.pairs(overrides, problems)
    changed = changes.apply_tables(tables, changes.apply_settings(raw, given, problems), problems)
    presets.apply(raw, problems)
    settings = resolve.complete_settings(raw, problems)
    out = resolve.select(tables, settings, problems, raw.lines)
    resolve.select_law(tables, settings, problems, raw.lines)
    _refuse_idle(given, out, problems)
    filled, known = resolve.complete(tables, problems)
    for name, scope in sorted(changed - known.used):
        remedy = f"Set {name} in the rows themselves."
        problems.add(OVERRIDE, None, f"assumptions.{name}.{scope}", "an assumption that fills no cell", "one in use", remedy)
    checks.domain(tables, problems)
    club_checks.domain(settings, tables, raw.lines, problems)
    problems.raise_if_any(f"instance {settings.get('name') or folder.name}")
    return _instance(folder, tables, settings, given, filled)


def _refuse_idle(given: list[Pair], out: set[str], problems: Problems) -> None:
    """Refuse overrides of projects that take no part: they would change nothing in silence."""
    for key, _ in given:
        parts = key.split(".")
        if parts[0] == "projects" and len(parts) > 1 and parts[1] in out:
            problems.add(OVERRIDE, None, key, f"project {parts[1]}, which data.tiers leaves out", "a project that takes part", "Add it to data.extra_tier_c.")


def _instance(folder: Path, tables: Tables, settings: dict[str, Value], given: list[Pair], filled: list[Filled]) -> Instance:
    """Build the instance from complete and correct tables."""
    made = {name: frames.frame(raw) for name, raw in tables.items()}
    prices = made.pop("prices")
    seed = settings["scenarios.seed"]
    return Instance(
        name=str(settings["name"]),
        path=folder,
        sha256=frames.content_hash(settings, tables),
        overrides=changes.as_text(given),
        seed=seed if isinstance(seed, int) else 0,
        settings=settings,
        **made,
        prices=prices if len(prices) else None,
        filled=tuple(filled),
        notes=tuple(club_checks.notes(settings, tables)),
    )
