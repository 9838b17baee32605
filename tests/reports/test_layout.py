"""Numbers as text, alignment, and texts that try to be markup or control a terminal."""

import io
from typing import Any

import pytest
from rich.console import Console

from minclub.reports.layout import Table, money, number, percent, plain, price, rich, safe, table, text, tonnes, whole, yes_no

NAUGHTY = "[bold red]x[/] \x1b[31mred\x1b[0m\r\nnext\u202e line\ttab\x00"


@pytest.mark.parametrize(
    ("form", "value", "written"),
    [
        (money, 1234.56, "1,234.6"),
        (money, -0.04, "*"),
        (money, 0.0, "0"),
        (money, -0.0, "0"),
        (money, None, "-"),
        (money, float("nan"), "-"),
        (money, float("inf"), "no limit"),
        (tonnes, 1234567.8, "1,234,568"),
        (tonnes, 0.3, "*"),
        (percent, 0.12345, "12.3%"),
        (percent, 0.0001, "*"),
        (percent, 0, "0%"),
        (price, 110000.0, "110,000"),
        (price, 3.14159, "3.14"),
        (price, None, "-"),
        (number, 0.0123456, "0.01235"),
        (number, 123456.7, "123,457"),
        (number, 1e-7, "1.000e-07"),
        (whole, 2031.0, "2031"),
        (whole, float("nan"), "-"),
        (yes_no, 1, "yes"),
        (yes_no, 0, "no"),
        (text, "", "-"),
        (text, "a b", "a b"),
    ],
)
def test_cells(form: Any, value: object, written: str) -> None:
    assert form(value) == written


def test_safe_escapes_everything_that_is_not_printable() -> None:
    written = safe(NAUGHTY)
    assert written.isprintable()
    assert written == "[bold red]x[/] \\x1b[31mred\\x1b[0m\\r\\nnext\\u202e line\\ttab\\x00"


def naughty() -> Table:
    """Return a table of texts from an instance that means ill."""
    rows = [{"name": NAUGHTY, "value": 1.0}, {"name": "/tmp [link=file:///x]y[/link]", "value": None}]
    return table(NAUGHTY, (("name", "[red]name", text), ("value", "value", money)), rows, notes=[NAUGHTY])


def test_plain_is_aligned_and_has_no_control_sequences() -> None:
    lines = plain(naughty()).splitlines()
    assert "\x1b" not in "".join(lines)
    assert len(lines) == 6
    head, rule, first, second = lines[1:5]
    assert head.startswith("[red]name ")
    assert set(rule) == {"-", " "}
    assert len(head) == len(rule) == len(first) == len(second)
    assert first.endswith("  1.0")
    assert second.endswith("    -")


def test_plain_counts_wide_characters_twice() -> None:
    lines = plain(table("t", (("name", "name", text), ("v", "v", money)), [{"name": "锑", "v": 1}, {"name": "Ni", "v": 2}])).splitlines()
    assert lines[3] == "锑    1.0"
    assert lines[4] == "Ni    2.0"


def test_rich_shows_markup_instead_of_obeying_it() -> None:
    stream = io.StringIO()
    Console(file=stream, width=200, force_terminal=True, color_system=None, legacy_windows=False).print(rich(naughty()))
    shown = stream.getvalue()
    assert "[bold red]x[/]" in shown
    assert "[link=file:///x]y[/link]" in shown
    assert "\x1b[31m" not in shown
    assert "\\x1b[31mred" in shown


def test_an_empty_table_says_so() -> None:
    empty = table("Credits", (("a", "a", text),), [], "none over law")
    assert plain(empty) == "Credits: none over law"
    stream = io.StringIO()
    Console(file=stream, width=80).print(rich(empty))
    assert stream.getvalue().strip() == "Credits: none over law"
