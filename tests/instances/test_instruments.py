"""Settings of the instruments, their checks, and contract presets."""

from pathlib import Path

import pytest

from minclub.instances import InstanceError, load, presets, schema

QUOTAS = ("procurement.quotas.USA=0.85", "procurement.quotas.CAN=0.1", "procurement.quotas.MEX=0.05")
OFF = {"tariffs": True, "reference_price": False, "contracts": True, "credits": True, "grants": False, "loans": False, "procurement": False}


def problems(*overrides: str) -> dict[str, str]:
    """Return the messages of a load that fails, by key."""
    with pytest.raises(InstanceError) as caught:
        load("tutorial", overrides)
    return {item.column: str(item) for item in caught.value.problems}


def test_new_settings_leave_old_folders_as_they_were() -> None:
    settings = load("tutorial").settings
    assert {name: settings[f"instruments.{name}"] for name in OFF} == OFF
    assert settings["switches.expiry"] is False
    assert settings["standards.tier"] == "none"
    assert settings["data.china_equity"] == "linked"
    assert settings["data.ptc_cost_base"] == "final"
    assert settings["contract.strike_by"] == "project"
    assert settings["contract.indexed_share"] == 1
    assert settings["ladders.grant"] == settings["ladders.loan"] == (0.0,)
    assert settings["ladders.offtake"] == settings["ladders.reference"] == settings["contract.upside_shares"] == ()
    assert not [key for key in settings if key.startswith(("lines.", "national.", "reserve.cover.", "procurement.quotas."))]


def test_every_new_key_can_be_set() -> None:
    given = {
        "instruments.reference_price": True,
        "instruments.procurement": True,
        "levy.covers": "china_linked",
        "lines.both": "alpha;beta",
        "national.USA.china_linked.alpha": 0.3,
        "national.MEX.market.beta": "0.05",
        "contract.upside_shares": "0;0.5",
        "contract.stockpile_counted": "false",
        "ladders.reference": [0.9, 1.0],
        "ladders.offtake": "1|1.25",
        "ladders.loan": (0, 1),
        "procurement.products": "alpha",
        "reserve.cover.beta": 0.5,
        "standards.tier": "usmca",
        **dict(item.split("=") for item in QUOTAS),
    }
    settings = load("tutorial", given).settings
    assert settings["lines.both"] == ("alpha", "beta")
    assert settings["national.USA.china_linked.alpha"] == 0.3
    assert settings["national.MEX.market.beta"] == 0.05
    assert settings["contract.upside_shares"] == (0.0, 0.5)
    assert settings["contract.stockpile_counted"] is False
    assert settings["ladders.reference"] == (0.9, 1.0)
    assert settings["ladders.offtake"] == (1.0, 1.25)
    assert settings["procurement.products"] == ("alpha",)
    assert load("tutorial", ["ladders.offtake=[]"]).sha256 == load("tutorial").sha256
    assert "lines.both" not in load("tutorial", ["lines.both=none"]).settings


@pytest.mark.parametrize(
    ("overrides", "key", "words"),
    [
        (["lines.a=alpha", "lines.b=beta;alpha"], "lines.b", "alpha again; expected each product in one line. It stands in lines.a already"),
        (["lines.a=alpha;alpha"], "lines.a", "alpha again"),
        (["lines.a=alpa"], "lines.a", "Did you mean alpha"),
        (["lines.a=[]"], "lines.a", "an empty list"),
        (["national.USA.china_linked.alpa=0.1"], "national.USA.china_linked.alpa", "Did you mean alpha"),
        (["national.USA.china.alpha=0.1"], "national.USA.china.alpha", "an unknown key"),
        (["national.USA.market.alpha=11"], "national.USA.market.alpha", "at most 10"),
        (["ladders.reference=0;1"], "ladders.reference", "above 0"),
        (["ladders.reference=1;0.9"], "ladders.reference", "rising numbers"),
        (["ladders.offtake=-1"], "ladders.offtake", "above 0"),
        (["ladders.loan=0;0.5"], "ladders.loan", "0 and 1"),
        (["ladders.loan=1"], "ladders.loan", "rising numbers from 0"),
        (["ladders.grant=0.1;0.2"], "ladders.grant", "rising numbers from 0"),
        (["ladders.grant=0;1.2"], "ladders.grant", "at most 1"),
        (["ladders.reserve_months=3;6"], "ladders.reserve_months", "rising numbers from 0"),
        (["contract.upside_shares=0.5;0.3"], "contract.upside_shares", "rising numbers"),
        (["instruments.grants=true"], "instruments.grants", "a rung above 0 in ladders.grant"),
        (["instruments.loans=true"], "instruments.loans", "a rung above 0 in ladders.loan"),
        (["instruments.reference_price=true"], "instruments.reference_price", "a rung above 0 in ladders.reference"),
        (["instruments.procurement=true", "ladders.offtake=1", *QUOTAS[:2]], "procurement.quotas", "sum to 1"),
        (["reserve.cover.alpha=0.5"], "procurement.quotas", "State offtake and reserves need them"),
        ([*QUOTAS[:2], "procurement.quotas.MEX=0.1"], "procurement.quotas", "Give all three or none"),
        (["reserve.cover.gamma=0.5", *QUOTAS], "reserve.cover.gamma", "a product of products.csv"),
        (["procurement.products=gamma"], "procurement.products", "a product of products.csv"),
        (["switches.expiry=true", "expiry.protection_expiry_year=2026"], "expiry.protection_expiry_year", "a year not before"),
        (["contract.preset=mp"], "contract.preset", "one of mp_materials, nouveau_monde, uk_allocation_round"),
        (["standards.tier=gold"], "standards.tier", "none, usmca, high"),
    ],
)
def test_mistakes_are_named(overrides: list[str], key: str, words: str) -> None:
    assert words in problems(*overrides)[key]


def test_all_mistakes_come_at_once() -> None:
    found = problems("lines.a=alpa", "ladders.loan=0;0.5", "reserve.cover.alpha=0.5", "instruments.grants=true", "contract.preset=mp")
    assert set(found) == {"lines.a", "ladders.loan", "procurement.quotas", "instruments.grants", "contract.preset"}


def test_a_reference_price_needs_a_cap_on_users_as_tariffs_do() -> None:
    frozen = ["switches.users_product=false", "switches.users_basket=false", "instruments.tariffs=false"]
    load("tutorial", frozen)
    assert "caps" in problems(*frozen, "instruments.reference_price=true", "ladders.reference=0.9")


def test_presets_give_what_is_not_set(tmp_path: Path) -> None:
    found = presets.presets()
    assert set(found) == {"mp_materials", "nouveau_monde", "uk_allocation_round"}
    plain = load("tutorial").settings
    with_preset = load("tutorial", ["contract.preset=mp_materials", "contract.share=0.8"]).settings
    terms = found["mp_materials"].terms
    assert with_preset["contract.indexed_share"] == terms["indexed_share"] == 0
    assert with_preset["contract.share"] == 0.8
    for key in ("tenor_years", "upside_share"):
        assert with_preset[f"contract.{key}"] == plain[f"contract.{key}"] != terms[key], "the folder sets it"


def test_presets_state_their_sources() -> None:
    for name, preset in presets.presets().items():
        assert preset.name == name
        assert set(preset.terms) == set(presets.TERMS) <= {key.removeprefix("contract.") for key in schema.settings()}
        assert "evidence/contracts.csv" in preset.source
        assert all(word.split()[0] in ("read", "derived", "assumed") for word in preset.provenance.values())
    terms = {name: preset.terms for name, preset in presets.presets().items()}
    assert (terms["mp_materials"]["tenor_years"], terms["mp_materials"]["upside_share"]) == (10, 0.3)
    assert (terms["nouveau_monde"]["tenor_years"], terms["nouveau_monde"]["upside_share"]) == (7, 0.5)
    assert terms["uk_allocation_round"]["upside_share"] == 1
