"""The pages that show a run: quickstart as it stands, the front page against the stored design, benchmarks against their results."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from minclub import audit, load, solve
from minclub.cli.main import app
from minclub.reports.design_story import Story
from minclub.reports.front_page import RESULT, block, result_page, write
from minclub.solvers.design import Design

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
CODES = {"targets.alpha=0.95": 3}


def fences(path: Path) -> Iterator[tuple[str, str]]:
    """Yield language and content of each fenced block."""
    for found in FENCE.finditer(path.read_text(encoding="utf-8")):
        yield found[1], found[2]


# --- quickstart ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def checkout(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder in which the page's paths exist."""
    shutil.copytree(root / "instances" / "mp_materials_2025", tmp_path / "instances" / "mp_materials_2025")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def runs(content: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of a console block with the lines shown below it."""
    for part in re.split(r"^\$ ", content, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        yield command, [line for line in shown if line != "..."]


def test_quickstart_commands_print_what_the_page_shows(root: Path, checkout: Path) -> None:
    commands = [run for language, content in fences(root / "docs" / "quickstart.md") if language == "console" for run in runs(content)]
    assert len(commands) >= 8
    for command, shown in commands:
        name, *arguments = shlex.split(command)
        assert name == "minclub"
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == CODES.get(arguments[-1], 0), result.output
        printed = iter(result.output.splitlines())
        missing = [line for line in shown if line not in printed]
        assert not missing, f"{command} does not print, in this order: {missing}"


def test_quickstart_code_prints_what_the_page_shows(root: Path, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = [item for item in fences(root / "docs" / "quickstart.md") if item[0] in ("python", "text")]
    assert len(found) >= 8
    scope: dict[str, object] = {}
    for (kind, code), (following, expected) in zip(found[::2], found[1::2], strict=True):
        assert (kind, following) == ("python", "text")
        exec(compile(code, "quickstart.md", "exec"), scope)  # noqa: S102 - our own page
        assert capsys.readouterr().out == expected


# --- the front page -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def story(root: Path) -> Story:
    """Return the stored design of the shipped instance."""
    return Story.read(Design.read(root / "docs" / "assets" / "usmca.json"), load("usmca"))


def test_stored_design_is_proven_and_belongs_to_the_shipped_instance(story: Story) -> None:
    """C31: ``Story.read`` refuses another instance."""
    assert story.design.proven
    assert story.design.provenance["instance_path"] is None


def test_readme_and_result_page_say_what_the_stored_design_says(root: Path, story: Story) -> None:
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert RESULT.written(readme, block(story)) == readme
    assert (root / "docs" / "result.md").read_text(encoding="utf-8") == result_page(story)


@pytest.mark.slow
def test_the_stored_design_is_what_a_solve_gives(story: Story) -> None:
    """Objective, tariffs, credits, contracts and plants, ties broken (C26)."""
    made, stored = solve(load("usmca")), story.design
    assert made.certificate["objective_musd"] == pytest.approx(stored.certificate["objective_musd"], rel=1e-9)
    for name, keys in (("tariffs", None), ("credits", None), ("contracts", None), ("projects", ["project", "built", "start_year"])):
        mine, theirs = (getattr(design, name) if keys is None else getattr(design, name)[keys] for design in (made, stored))
        pd.testing.assert_frame_equal(mine.reset_index(drop=True), theirs.reset_index(drop=True), check_dtype=False, rtol=1e-6, obj=name)


@pytest.mark.parametrize("name", ["usmca.svg", "usmca-cost.svg"])
def test_pictures_carry_the_stored_certificate(root: Path, story: Story, name: str) -> None:
    text = (root / "docs" / "assets" / name).read_text(encoding="utf-8")
    assert story.source() in text


def test_only_a_proven_and_audited_design_is_shown(story: Story, tmp_path: Path) -> None:
    for changed in ({"proven": False}, {"audit": "failed"}):
        with pytest.raises(ValueError, match="proven and audited"):
            write(replace(story.design, certificate=story.design.certificate | changed), tmp_path)


def test_a_block_needs_its_place() -> None:
    start, end = RESULT.start, RESULT.end
    assert RESULT.written(f"a {start} old {end} z", "new\n") == f"a {start}\nnew\n{end} z"
    for text in ("no marks", f"{end} {start}", f"{start} {end} {start} {end}"):
        with pytest.raises(ValueError, match="no single block"):
            RESULT.written(text, "new")


@pytest.mark.slow
def test_solving_again_gives_the_stored_design(story: Story) -> None:
    again = solve(story.instance, check=False)
    assert again.certificate["objective_musd"] == pytest.approx(story.design.certificate["objective_musd"], rel=1e-6)
    assert again.contracts.to_dict("records") == story.design.contracts.to_dict("records")
    assert again.tariffs.to_dict("records") == story.design.tariffs.to_dict("records")


@pytest.mark.slow
def test_stored_design_passes_the_audit(story: Story) -> None:
    report = audit(story.design, story.instance)
    assert report.passed, report.failures[:5]


# --- links and benchmarks -----------------------------------------------------------------------------------------------


def test_links_of_the_readme_and_of_the_pages_lead_somewhere(root: Path) -> None:
    pages = [root / "README.md", *(root / "docs").rglob("*.md")]
    generated = {(root / "docs" / "reference" / "instance.md").resolve()}
    broken = []
    for page in pages:
        for target in re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists() and (page.parent / target).resolve() not in generated:
                broken.append(f"{page.relative_to(root)}: {target}")
    assert not broken


def test_every_page_can_be_reached_from_the_index(root: Path) -> None:
    docs = root / "docs"
    seen, todo = set(), [docs / "index.md"]
    while todo:
        page = todo.pop().resolve()
        if page in seen or not page.is_file() or page.suffix != ".md":
            continue
        seen.add(page)
        todo += [page.parent / target for target in re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8")) if "://" not in target]
    assert {page.resolve() for page in docs.rglob("*.md")} - seen == set()


def results(root: Path) -> dict[str, Any]:
    """Return the stored results of the benchmarks."""
    content: dict[str, Any] = json.loads((root / "benchmarks" / "results.json").read_text(encoding="utf-8"))
    return content


def test_benchmarks_page_shows_the_stored_results(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(root))
    from benchmarks.page import render

    assert (root / "docs" / "benchmarks.md").read_text(encoding="utf-8") == render(results(root))
