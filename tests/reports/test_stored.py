"""Pages from stored data: what is computed is stored, what is stored is enough to write the pages, and wrong use is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from minclub.reports import frontiers, instruments, precedents
from minclub.reports.stored import Data, StoredPages

MODULES = (frontiers, instruments, precedents)


def pages(compute: Callable[[], Data]) -> StoredPages:
    """Return a page that shows one number and a picture that shows it too."""

    def render(data: Data, folder: Path, docs: Path) -> list[Path]:
        files = [folder / "one.svg", docs / "sums.md"]
        for file in files:
            file.write_text(str(data["sum"]), encoding="utf-8")
        return files

    return StoredPages("sums", compute, render)


def never() -> Data:
    """Fail the test: nothing may be computed."""
    raise AssertionError("computed again")


def test_data_are_computed_once_and_pages_are_written_from_what_is_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = [tmp_path / "docs" / name for name in ("assets/sums/sums.json", "assets/sums/one.svg", "sums.md")]
    assert pages(lambda: {"sum": 0.5}).main(["docs"], tmp_path) == 0
    assert capsys.readouterr().out.splitlines() == [str(path) for path in made]
    assert [path.read_text(encoding="utf-8") for path in made] == ['{\n "sum": 0.5\n}\n', "0.5", "0.5"]
    made[0].write_text('{"sum": 2}', encoding="utf-8")
    again = pages(never)
    assert again.main(["pages"], tmp_path) == 0
    assert made[2].read_text(encoding="utf-8") == "2"
    assert again.read(tmp_path) == {"sum": 2}


def test_what_is_no_number_of_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        pages(lambda: {"sum": float("nan")}).main(["docs"], tmp_path)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.STORED.name)
@pytest.mark.parametrize("arguments", [[], ["all"], ["docs", "pages"]])
def test_wrong_use_is_told_and_names_the_module(module: object, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    stored: StoredPages = vars(module)["STORED"]
    assert stored.main(arguments) == 2
    assert capsys.readouterr().err == f"usage: python -m {vars(module)['__name__']} docs | pages\n"
