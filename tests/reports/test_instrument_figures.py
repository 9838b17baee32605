"""The instrument pages: blocks against stored data, pictures, keys against the schema, commands that load."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from minclub import load
from minclub.instances.club_fields import CLUB_FIELDS
from minclub.reports.instrument_figures import HEADINGS, differing, pictures
from minclub.reports.instrument_story import RUNS, TRIALS, reach
from minclub.reports.instruments import FIGURES, PAGES, STORED, block

Data = dict[str, Any]
NAMES = sorted(PAGES)


@pytest.fixture(scope="module")
def data(root: Path) -> Data:
    return STORED.read(root)


def page_of(root: Path, name: str) -> str:
    return (root / "docs" / "instruments" / f"{name}.md").read_text(encoding="utf-8")


def keys_of(text: str) -> dict[str, str]:
    """Return the keys of club.toml in a page's table of keys, with the default beside them."""
    found: dict[str, str] = {}
    for cell, default in re.findall(r"^\| (`.*?) \| (.*?) \|", text.partition("## Keys")[2].partition("```")[0], re.MULTILINE):
        keys = [key for key in re.findall(r"`([^`]+)`", cell) if "." in key and not key.endswith(".csv")]
        stated = default.split(", ") if default.count(", ") == len(keys) - 1 else [default] * len(keys)
        found |= dict(zip(keys, stated, strict=True))
    return found


# --- stored data ------------------------------------------------------------------------------------------------------


def test_stored_data_belong_to_the_shipped_instance(data: Data) -> None:
    assert data["instance_sha256"] == load("usmca").sha256
    assert set(data["reach"]) == set(TRIALS)
    assert set(data["runs"]) == set(RUNS)


def test_every_solved_run_is_audited_and_proven_but_for_classes(data: Data) -> None:
    for name, found in data["runs"].items():
        if "infeasible" not in found:
            assert found["audit"] == "passed", name
            assert found["proven"] or name == "class", name


def test_nobody_is_bankable_at_law_and_only_early_projects_gain_from_grants(data: Data) -> None:
    """C27: who passes at law is in the baseline; C15: grants are for studies and permits."""
    status = load("usmca").projects["dev_status"]
    for page in set(TRIALS) - {"contracts"}:
        assert not any(row["passes"] for row in data["reach"][page] if row["trial"] == "law alone")
    gained = differing(pd.DataFrame(data["reach"]["grants"]))
    assert len(gained)
    assert set(status[gained["project"]]) <= {"study", "permitting"}


def test_a_lower_upside_share_never_asks_for_a_higher_strike(data: Data) -> None:
    """C14: what the state takes of the upside, the strike has to give back; strikes have three digits."""
    table = pd.DataFrame(data["reach"]["contracts"]).pivot_table(index="project", columns="trial", values="value")
    table = table.dropna()
    assert len(table) > 20
    assert (table["price insurance"] <= table["half of it shared"] * 1.001).all()
    assert (table["half of it shared"] <= table["all of the upside shared"] * 1.001).all()


@pytest.mark.slow
@pytest.mark.parametrize("page", ["grants", "procurement"])
def test_testing_the_candidates_again_gives_the_stored_numbers(data: Data, page: str) -> None:
    for now, then in zip(reach(page), data["reach"][page], strict=True):
        assert (now["project"], now["passes"]) == (then["project"], then["passes"])
        assert now["value"] == pytest.approx(then["value"], rel=1e-9)


# --- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_page_says_what_the_stored_data_say(root: Path, data: Data, name: str) -> None:
    text = page_of(root, name)
    assert FIGURES.written(text, block(name, data)) == text
    assert 2 <= block(name, data).count("\n* ") <= 9
    for heading in ("## The rule", "## Keys", "## Alone on usmca", "## Sources and limits"):
        assert heading in text


@pytest.mark.parametrize("name", NAMES)
def test_keys_exist_with_the_default_that_the_page_states(root: Path, name: str) -> None:
    fields = {field.name: field for field in CLUB_FIELDS}
    found = keys_of(page_of(root, name))
    assert found
    for key, default in found.items():
        assert key in fields, key
        stated = default.split()[0].strip("`")
        if not key.startswith("ladders.") and (stated in ("true", "false") or re.fullmatch(r"[\d.]+", stated)):
            assert str(fields[key].default).lower() in (stated, f"{stated}.0"), key


@pytest.mark.parametrize("name", NAMES)
def test_commands_of_the_page_load(root: Path, name: str) -> None:
    blocks = re.findall(r"```console\n(.*?)```", page_of(root, name), re.DOTALL)
    commands = [line.removeprefix("$ ") for text in blocks for line in text.splitlines()]
    assert commands
    for command in commands:
        words = shlex.split(command)
        assert words[:3] == ["minclub", "solve", "usmca"]
        load("usmca", [words[k + 1] for k, word in enumerate(words) if word == "--set"])


# --- pictures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_picture_shows_its_heading_and_source(root: Path, data: Data, name: str) -> None:
    text = (root / "docs" / "assets" / "instruments" / f"{name}.svg").read_text(encoding="utf-8")
    assert HEADINGS[name] in text.replace("&#39;", "'")
    assert data["instance_sha256"][:12] in text


def test_pictures_are_drawn_from_data_alone(root: Path, data: Data, tmp_path: Path) -> None:
    made = pictures(data, tmp_path)
    assert {path.stem for path in made} == set(PAGES)
    for path in made:
        assert path.read_text(encoding="utf-8") == (root / "docs" / "assets" / "instruments" / path.name).read_text(encoding="utf-8")


def test_candidates_that_no_setup_moves_are_left_out() -> None:
    rows = [
        {"trial": trial, "project": j, "product": m, "value": value}
        for j, m, values in (("A", "z", (0.1, 0.2)), ("B", "a", (0.3, 0.3)), ("C", "a", (None, 0.5)), ("D", "a", (0.4, 0.0)))
        for trial, value in zip(("law", "aid"), values, strict=True)
    ]
    assert differing(pd.DataFrame(rows))["project"].tolist() == ["D", "D", "A", "A"]


# --- the command ------------------------------------------------------------------------------------------------------


def test_pages_are_written_below_any_root(root: Path, data: Data, tmp_path: Path) -> None:
    folder = tmp_path / "docs" / "instruments"
    folder.mkdir(parents=True)
    for name in NAMES:
        (folder / f"{name}.md").write_text(f"before {FIGURES.start} old {FIGURES.end} after", encoding="utf-8")
    made = STORED.write(data, tmp_path)
    assert len(made) == 1 + 2 * len(PAGES)
    assert (folder / "grants.md").read_text(encoding="utf-8") == f"before {FIGURES.start}\n{block('grants', data)}{FIGURES.end} after"
    assert STORED.read(tmp_path) == json.loads(json.dumps(data))


def test_a_page_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no single block"):
        FIGURES.written("nothing here", "new")
