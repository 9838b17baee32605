"""Published study results: the reading of rows, the thresholds, and that the validation page is current."""

import csv
import math
from pathlib import Path
from statistics import median

import pytest

from minclub.models import reproduction_page as page
from minclub.models.reproduction import Rules, fiscal, reproduce, study_cash_flow
from minclub.models.reproduction_checks import comparable
from minclub.models.studies import CPI, DECK_PRICES, MEAN_PRICES, later_phases, missing_inputs, payability, read_study, royalty_rate

ROWS = page.read_rows(page.EVIDENCE)
RESULTS = [reproduce(row) for row in comparable(ROWS)]
ROW = {
    "project_id": "X",
    "name": "Example",
    "country": "CAN",
    "product": "nickel cathode",
    "study_year": "2022",
    "irr_pre_tax": "0.2",
    "irr_after_tax": "0.15",
    "study_currency": "CAD",
    "fx_usd_per_study_ccy": "0.8",
    "capacity_t_per_year": "10000",
    "capex_initial_m_study_ccy": "600",
    "opex_per_t_study_ccy": "10000",
    "price_per_t_study_ccy": "25000",
    "mine_life_years": "20",
}


def test_every_row_with_inputs_has_a_rate() -> None:
    assert len(RESULTS) == sum(not missing_inputs(row) for row in ROWS) >= 39
    assert not any(math.isnan(result.irr) for result in RESULTS)


def test_half_lie_within_two_points_and_two_thirds_within_four() -> None:
    close = sum(abs(result.difference) <= 0.02 for result in RESULTS)
    near = sum(abs(result.difference) <= 0.04 for result in RESULTS)
    assert 2 * close >= len(RESULTS)
    assert 3 * near >= 2 * len(RESULTS)


def test_every_miss_is_explained_and_nothing_else() -> None:
    assert {result.project_id for result in page.misses(RESULTS)} == set(page.MISSES)


def test_no_rule_names_a_project() -> None:
    """The shipped identifiers and names stand in no rule: only the words for misses may know them."""
    for module in ("studies", "reproduction"):
        text = (page.ROOT / "models" / f"{module}.py").read_text(encoding="utf-8")
        assert not [row["project_id"] for row in ROWS if row["project_id"] in text or row["name"].split(" (")[0] in text]


def test_page_is_current() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.between(text, "studies") == page.study_section(ROWS)
    assert page.between(text, "cases") == page.case_section()


@pytest.mark.slow
def test_page_is_current_where_rules_are_chosen_again() -> None:
    assert page.between(page.PAGE.read_text(encoding="utf-8"), "left-out") == page.left_out_section(ROWS)


def test_rate_does_not_depend_on_the_currency() -> None:
    usd = {**ROW, "study_currency": "USD", "fx_usd_per_study_ccy": ""}
    usd |= {column: str(0.8 * float(ROW[column])) for column in ("capex_initial_m_study_ccy", "opex_per_t_study_ccy", "price_per_t_study_ccy")}
    assert reproduce(usd).irr == pytest.approx(reproduce(ROW).irr)


def test_byproduct_prices_are_usd() -> None:
    """100 t of cobalt at 50,000 USD/t, half payable: 2.5 million USD whatever the study's currency."""
    assert read_study({**ROW, "byproducts_study": "cobalt in conc:100:50000"}).byproducts_musd == pytest.approx(2.5)


def test_basis_prefers_the_pre_tax_rate() -> None:
    pre, after = reproduce(ROW), reproduce({**ROW, "irr_pre_tax": ""})
    assert (pre.basis, pre.published, after.basis, after.published) == ("pre_tax", 0.2, "after_tax", 0.15)
    assert pre.irr > after.irr
    assert pre.difference == pytest.approx(pre.irr - 0.2)


def test_row_without_inputs_is_named_not_guessed() -> None:
    result = reproduce({**ROW, "price_per_t_study_ccy": "", "mine_life_years": None})
    assert result.missing == ("price", "life")
    assert math.isnan(result.irr)


def test_row_without_published_rate_still_gives_one() -> None:
    result = reproduce({**ROW, "irr_pre_tax": "", "irr_after_tax": float("nan")})
    assert result.irr > 0
    assert math.isnan(result.difference)


def test_mistakes_come_as_one_list() -> None:
    bad = {**ROW, "country": "PER", "capacity_t_per_year": "-5", "study_year": "", "fx_usd_per_study_ccy": "", "byproducts_study": "gold:x:1"}
    with pytest.raises(ValueError, match="study X") as caught:
        reproduce(bad)
    for part in ("country: got 'PER'", "capacity_t_per_year: got '-5'", "study_year: empty", "fx_usd_per_study_ccy", "byproducts_study: got 'gold:x:1'"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    ("product", "share"),
    [
        ("Ni in concentrate (18% Ni)", 0.78),
        ("payable zinc in concentrate", 1.0),
        ("copper in concentrate (Cu-Au-Mo)", 0.965),
        ("Ni in awaruite conc (60% Ni)", 0.92),
        ("antimony in concentrate (gold is the main product)", 0.60),
        ("Co in cobalt sulphate", 1.0),
        ("spodumene conc SC6", 1.0),
    ],
)
def test_payability(product: str, share: float) -> None:
    assert payability(product) == share


@pytest.mark.parametrize(
    ("notes", "phases"),
    [
        ("Capex Ph1 581 (30 ktpa) + Ph2 478 self-funded (+4 y)", (478.0,)),
        ("Phased: Ph1 1537 (13 ktpa), Ph2 651 (28 ktpa), Ph3 1336 (41 ktpa)", (651.0, 1336.0)),
        ("Ph1 1.4bn (22.75 ktpa), Ph2 +0.532bn in yr 6", (532.0,)),
        ("total capex 12400 all phases; 4 phases x 40 ktpa", (3933.3333,) * 3),
        ("expansion capital of US$1,250 in year 5", (1250.0,)),
        ("year-8 expansion 60->120 kt/d", ()),
        ("phase 2 600 ktpa; expansion 250 MW; expansion 300% of output", ()),
        ("Phase 2 2026 PFS; expansion 2030", ()),
        ("expansion 4 years later", ()),
        ("", ()),
    ],
)
def test_later_phases(notes: str, phases: tuple[float, ...]) -> None:
    assert later_phases(notes, 600.0) == pytest.approx(phases)


@pytest.mark.parametrize(
    ("note", "rate"), [("", None), ("100% royalty free", 0.0), ("no private royalty", 0.0), ("5% NSR", 0.05), ("= 1.8% of revenue", 0.018)]
)
def test_royalty_notes(note: str, rate: float | None) -> None:
    assert royalty_rate(note) == (None if rate is None else pytest.approx(rate))


def test_plants_bear_income_tax_only_and_pay_for_feed() -> None:
    row = {**ROW, "name": "Example refinery", "royalty_note": "feed: concentrate bought at 60% payability"}
    study = read_study(row)
    assert study.plant
    assert study.feed_usd_per_t == pytest.approx(0.6 * 20_000)
    law = fiscal(study)
    assert (law.royalty_rate, law.duty_rate, law.depletion_rate) == (0.0, 0.0, 0.0)
    assert fiscal(read_study(ROW)).duty_rate == 0.13
    assert not read_study({**ROW, "name": "Example mine and plant"}).plant


def test_phases_keep_the_average_output_and_spend_their_capital() -> None:
    study = read_study({**ROW, "notes": "expansion capex 300"})
    rules = Rules(ramp=(1.0,), early_years_gain=0.0)
    flow = study_cash_flow(study, rules)
    assert flow.revenue.sum() == pytest.approx(20 * 10_000 * 20_000 / 1e6)
    assert flow.revenue[2 + 5] == pytest.approx(2 * flow.revenue[2])
    assert flow.capital[2 + 4] == pytest.approx(0.8 * 300)
    assert flow.capital.sum() == pytest.approx(0.8 * 900)


def test_unpriced_byproducts_are_named() -> None:
    result = reproduce({**ROW, "byproducts_study": "feldspar concentrate:100000:na|zirconium::na|silver in concentrate:3:na"})
    assert result.unpriced == ("feldspar concentrate", "zirconium")


def test_deck_prices_are_the_medians_of_the_shipped_studies() -> None:
    decks: dict[str, list[float]] = {}
    names = {"gold": "gold|Au ", "silver": "silver", "copper": "Cu ", "zinc": "zinc", "lead": "lead"}
    for row in ROWS:
        year = int(row["study_year"])
        for part in filter(None, row["byproducts_study"].split("|")):
            name, _, price = part.rsplit(":", 2)
            metal = next((metal for metal, words in names.items() if any(word in name for word in words.split("|"))), None)
            if metal and price != "na" and year >= 2018:
                decks.setdefault(metal, []).append(float(price) * CPI[2025] / CPI[min(year, 2025)])
    assert {metal: median(prices) for metal, prices in decks.items()} == pytest.approx(DECK_PRICES, rel=1e-3)


def test_mean_prices_are_those_of_the_evidence() -> None:
    with (page.EVIDENCE.parent / "byproducts.csv").open(encoding="utf-8") as file:
        shipped = {float(row["price_usd_per_t"]) for row in csv.DictReader(file)}
    with (page.EVIDENCE.parent / "products.csv").open(encoding="utf-8") as file:
        shipped |= {float(row["long_run_price_usd_per_t"]) for row in csv.DictReader(file)}
    assert set(MEAN_PRICES.values()) <= shipped


def test_command_rewrites_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "left_out_section", lambda rows: "left out")
    copy = tmp_path / "page.md"
    copy.write_text(
        "a\n<!-- studies:begin -->\n<!-- studies:end -->\n<!-- left-out:begin -->\n<!-- left-out:end -->\n<!-- cases:begin -->\nstale text\n<!-- cases:end -->\nb\n"
    )
    assert page.main(["--page", str(copy)]) == 0
    text = copy.read_text(encoding="utf-8")
    assert page.between(text, "cases") == page.case_section()
    assert (text.startswith("a\n"), text.endswith("\nb\n"), "stale text" in text) == (True, True, False)
    assert "wrote" in capsys.readouterr().out


def test_command_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        page.main(["--page", str(tmp_path / "nowhere.md")])
    assert caught.value.code == 1
    assert "nowhere.md" in capsys.readouterr().err
