"""Every key of club.toml and every finance parameter, declared once."""

from typing import Any

from .field import CLUB, Field, Kind

PARAMETER = "parameter"
RATE: dict[str, Any] = {"unit": "per year", "minimum": 0, "maximum": 1}
SHARE: dict[str, Any] = {"unit": "share", "minimum": 0, "maximum": 1}
MULTIPLE: dict[str, Any] = {"unit": "multiple", "above": 0, "maximum": 20}
MUSD: dict[str, Any] = {"unit": "million 2025 USD", "minimum": 0}
AD_VALOREM: dict[str, Any] = {"unit": "ad valorem rate", "minimum": 0, "maximum": 10}
LADDER: dict[str, Any] = {"unit": "rate", "minimum": 0, "maximum": 10, "convention": "C19"}

SWITCHES: tuple[tuple[str, str, str], ...] = (
    ("value", "test the value of a project", "C12a"),
    ("tail", "test the worst scenarios of a project", "C12b"),
    ("lender", "test the lender's decks", "C12c"),
    ("export_cap", "cap net exports", "C21a"),
    ("band", "keep subsidy equivalents within the band", "C21b"),
    ("displacement", "keep every unaided baseline project bankable", "C21c"),
    ("security", "enforce the security targets", "C22"),
    ("users_product", "cap the price rise per product", "C23"),
    ("users_basket", "cap the cost of the basket per country", "C23"),
    ("country_caps", "cap outlay per country and year", "C26"),
    ("worst5", "cap the outlay of the worst 5% of scenarios", "C26"),
    ("stack", "cap credits and grants together", "C13"),
)


INSTRUMENTS: tuple[tuple[str, str, bool, str], ...] = (
    ("tariffs", "rates at the border", True, "C6"),
    ("reference_price", "reference prices, kept by a variable levy", False, "C6"),
    ("contracts", "contracts for difference", True, "C14"),
    ("credits", "investment and production credits over law", True, "C15"),
    ("grants", "grants for early projects", False, "C15"),
    ("loans", "concessional loans", False, "C15"),
    ("procurement", "offtake by the state", False, "C17"),
)


def _key(name: str, kind: Kind, description: str, **more: Any) -> Field:
    return Field(CLUB, name, kind, description, **more)


def _data_keys() -> tuple[Field, ...]:
    basis = ("localised", "direct", "embodied")
    return (
        _key("schema_version", "int", "version of the instance format", minimum=1, required=True),
        _key("name", "id", "name of the instance", required=True),
        _key("title", "str", "title for people", default=""),
        _key("years.base", "year", "first year; present values are stated in it", default=2027, convention="C2"),
        _key("years.end", "year", "last year of decisions, targets and user caps", default=2040, convention="C2"),
        _key("years.target", "year", "first year of the security targets", default=2035, convention="C22"),
        _key("years.simulated", "int", "years in a price scenario, from the base year", unit="years", minimum=1, maximum=200, default=45, convention="C2"),
        _key("data.tiers", "str", "data tiers of projects that take part (letters A, B, C)", default="AB"),
        _key("data.extra_tier_c", "list", "products and projects that take part at any tier", default=()),
        _key("data.demand_basis", "choice", "which demand", choices=basis, default="localised", convention="C8"),
        _key("data.localised_share", "float", "share of embodied demand made at home at the end", default=0.5, convention="C8", **SHARE),
        _key("data.localised_from", "year", "year in which that share starts to rise", default=2025, convention="C8"),
        _key("data.localised_until", "year", "year in which it is reached", default=2035, convention="C8"),
        _key("data.growth_until", "year", "demand is constant from here on", default=2040, convention="C8"),
        _key("data.long_run_price", "choice", "which long-run price", choices=("mean", "geometric", "spot"), default="mean", convention="C5"),
        _key("data.law_vintage", "str", "which law is in force: policy rows of another law_vintage are left out", default="2026", convention="C15"),
        _key("data.china_equity", "choice", "whose supply China's firms elsewhere are", choices=("linked", "market"), default="linked", convention="C5"),
        _key(
            "data.ptc_cost_base",
            "choice",
            "cost on which production credits are paid: final counts material and extraction",
            choices=("final", "proposed"),
            default="final",
            convention="C15",
        ),
        _key("data.optional_expansions", "bool", "include expansions that add capacity", default=False, convention="C10"),
        _key("scenarios.count", "int", "price scenarios", minimum=1, maximum=100_000, default=200, convention="C5"),
        _key("scenarios.seed", "int", "seed of the random streams", minimum=0, maximum=2**31 - 1, default=1),
        _key("scenarios.fast_regime_share", "float", "share of scenarios in the fast regime", default=0.5, convention="C5", **SHARE),
    )


def _contract_keys() -> tuple[Field, ...]:
    years: dict[str, Any] = {"unit": "years", "convention": "C14"}
    share: dict[str, Any] = {"convention": "C14", **SHARE}
    return (
        _key("contract.preset", "str", "precedent of presets.toml whose terms hold where no other is set; empty = none", default="", convention="C14"),
        _key("contract.tenor_years", "int", "tenor of a contract", minimum=1, maximum=60, default=12, **years),
        _key("contract.start_delay", "int", "operating years before a contract begins to pay", minimum=0, maximum=30, default=0, **years),
        _key("contract.share", "float", "share of output contracted", default=1.0, **share),
        _key("contract.upside_share", "float", "government's share g of the price above the strike", default=0.5, **share),
        _key("contract.upside_shares", "numbers", "ladder of g, one chosen per country and product; empty = upside_share alone", default=(), **share),
        _key(
            "contract.collar", "float", "band above the strike in which nothing is shared", unit="share", minimum=0, maximum=10, default=0.0, convention="C14"
        ),
        _key("contract.indexed_share", "float", "share of the strike that keeps its real value", default=1.0, **share),
        _key(
            "contract.inflation",
            "float",
            "yearly loss of value of the rest of the strike",
            unit="per year",
            above=-1,
            maximum=1,
            default=0.02,
            convention="C14",
        ),
        _key("contract.stockpile_share", "float", "share of output that goes to stock", default=0.0, **share),
        _key("contract.stockpile_counted", "bool", "the contract pays on stockpiled output too", default=True, convention="C14"),
        _key("contract.strike_by", "choice", "for whom a strike is set", choices=("project", "class"), default="project", convention="C14"),
    )


def _ladder_keys() -> tuple[Field, ...]:
    return (
        _key("ladders.tariffs", "numbers", "harmonised tariffs", default=(0.0, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25), **LADDER),
        _key("ladders.max_pairs", "int", "most tariff pairs per product", minimum=1, maximum=10_000, default=24, convention="C19"),
        _key("ladders.itc", "numbers", "investment credits over law", default=(0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3), **LADDER),
        _key("ladders.ptc", "numbers", "production credits over law", default=(0.0, 0.05, 0.1), **LADDER),
        _key(
            "ladders.start_delays",
            "numbers",
            "years by which a start may be delayed",
            unit="years",
            minimum=0,
            maximum=30,
            default=(0.0, 2.0, 4.0),
            convention="C19",
        ),
        _key("ladders.grant", "numbers", "grants, shares of capital", default=(0.0,), convention="C15", **SHARE),
        _key("ladders.loan", "numbers", "concessional loans: 0 none, 1 the whole loan", default=(0.0,), convention="C15", **SHARE),
        _key("ladders.offtake", "numbers", "prices of state offtake over the long-run price", default=(), convention="C17", **MULTIPLE),
        _key("ladders.reference", "numbers", "reference prices over the long-run price", default=(), convention="C19", **MULTIPLE),
        _key(
            "ladders.reserve_months",
            "numbers",
            "months of demand in the reserve",
            unit="months",
            minimum=0,
            maximum=240,
            default=(0.0, 3.0, 6.0, 9.0, 12.0),
            convention="C17",
        ),
    )


def _border_keys() -> tuple[Field, ...]:
    return (
        _key("levy.covers", "choice", "nodes that a reference price covers", choices=("both", "china_linked"), default="both", convention="C6"),
        _key("lines.<name>", "list", "products of one tariff line, which share rates and multiples", convention="C6"),
        _key("national.<country>.<node>.<product>", "float", "a member's own rate on a node, over law", convention="C6", **AD_VALOREM),
        _key("expiry.protection_review_year", "year", "first year in which border measures may lapse", default=2027, convention="C6"),
        _key("expiry.protection_lapse_hazard", "float", "chance that they lapse at the start of a year", default=0.05, convention="C6", **RATE),
        _key("expiry.protection_expiry_year", "year", "first year without them where the agreement is not extended", default=2036, convention="C6"),
        _key("expiry.protection_extension_probability", "float", "chance that it is extended by 16 years", default=0.5, convention="C6", **SHARE),
        _key(
            "standards.tier",
            "choice",
            "standard that the club's plants and imports must meet",
            choices=("none", "usmca", "high"),
            default="none",
            convention="C18",
        ),
        _key("standards.usmca_factor", "float", "share of the full gap that the tier usmca closes", default=0.5, convention="C18", **SHARE),
    )


def _support_keys() -> tuple[Field, ...]:
    return (
        _key("concessional.spread", "float", "real rate over public_base_rate", unit="per year", minimum=-0.05, maximum=1, default=0.0, convention="C15"),
        _key("concessional.tenor_years", "int", "tenor of a concessional loan", unit="years", minimum=1, maximum=60, default=20, convention="C15"),
        _key("procurement.products", "list", "products of state offtake; empty = those with is_defence", default=(), convention="C17"),
        _key("procurement.tenor_years", "int", "operating years of an offtake", unit="years", minimum=1, maximum=60, default=10, convention="C17"),
        _key("procurement.quotas.<country>", "float", "share of offtake and reserve that a member bears", convention="C17", **SHARE),
        _key("reserve.cover.<product>", "float", "share of a restriction's shortage that stocks must cover", convention="C17", **SHARE),
        _key(
            "reserve.price_impact",
            "float",
            "rise of the purchase price per 12 months of stock",
            unit="share",
            minimum=0,
            maximum=10,
            default=0.1,
            convention="C17",
        ),
        _key("reserve.holding_cost", "float", "yearly cost of a stock over its value", default=0.02, convention="C17", **RATE),
    )


def _negotiation_keys() -> tuple[Field, ...]:
    return (
        _key("targets.<product>", "float", "least share of demand met by secure supply in the club", convention="C22", **SHARE),
        _key("china_caps.<product>", "float", "most tonnes per year that must come from China", unit="t/year", minimum=0, convention="C22"),
        _key("caps.product_price", "float", "most rise of a product's price; absent = no cap", unit="share", minimum=0, maximum=100, convention="C23"),
        _key("caps.basket", "float", "most rise of a country's basket; absent = no cap", unit="share", minimum=0, maximum=100, convention="C23"),
        _key("caps.worst5_outlay", "float", "most PV outlay in the worst 5% of scenarios; absent = no cap", convention="C26", **MUSD),
        _key("caps.<country>.each_year", "float", "most outlay of a country in any year", convention="C26", **MUSD),
        _key("caps.<country>.<year>", "float", "most outlay of a country in that year (before each_year)", convention="C26", **MUSD),
        _key("objective.cvar_weight", "float", "weight of the worst scenarios' cost", unit="weight", minimum=0, maximum=100, default=0.1, convention="C26"),
        _key(
            "objective.user_weight", "float", "weight of users' loss less border revenue", unit="weight", minimum=0, maximum=100, default=0.0, convention="C26"
        ),
        _key("funding.mode", "choice", "who bears the cost", choices=("host", "pooled"), default="host", convention="C24"),
        _key("funding.shares.<country>", "float", "share of the pool", convention="C24", **SHARE),
        *(_key(f"instruments.{name}", "bool", text, default=default, convention=rule) for name, text, default, rule in INSTRUMENTS),
        *(_key(f"switches.{name}", "bool", text, default=True, convention=rule) for name, text, rule in SWITCHES),
        _key("switches.expiry", "bool", "let the club's border measures lapse", default=False, convention="C6"),
    )


def _par(name: str, scope: str, description: str, **more: Any) -> Field:
    return Field(PARAMETER, name, "float", description, scope=scope, required=True, **more)


def _project_parameters() -> tuple[Field, ...]:
    return (
        _par("base_project_rate", "country", "real after-tax hurdle rate", convention="C12a", **RATE),
        _par("country_risk_premium", "country", "premium on the hurdle rate", convention="C12a", **RATE),
        _par("specialty_addon", "country", "add-on without contract and exchange", convention="C12a", **RATE),
        _par("downside_price_factor", "all", "downside price over expected price", convention="C12", **MULTIPLE),
        _par("income_tax_rate", "stage", "income tax", convention="C11", **SHARE),
        _par("mining_duty_rate", "stage", "mining duty on mines and integrated projects", convention="C11", **SHARE),
        _par("depreciation_years", "country", "straight-line depreciation", unit="years", minimum=1, maximum=100, convention="C11"),
        _par("debt_share", "country", "loan over capital", convention="C12c", **SHARE),
        _par("debt_tenor_years", "country", "tenor of the loan from the first repayment", unit="years", minimum=1, maximum=60, convention="C12c"),
        _par("debt_rate", "country", "real commercial rate", convention="C12c", **RATE),
        _par("public_base_rate", "all", "real rate under a public loan's spread", convention="C12c", **RATE),
        _par("idc_drawn_share", "all", "share of the loan drawn on average over the build", convention="C12c", **SHARE),
        _par("dscr_average_merchant", "all", "average cover asked in the bank deck", unit="ratio", minimum=0, maximum=10, convention="C12c"),
        _par("dscr_contract_reduction", "all", "less cover asked at full contract", unit="ratio", minimum=0, maximum=5, convention="C12c"),
        _par("dscr_minimum_downside", "all", "yearly cover asked in the downside deck", unit="ratio", minimum=0, maximum=10, convention="C12c"),
        _par("reserve_months", "all", "debt service reserve", unit="months", minimum=0, maximum=60, convention="C12c"),
        _par("dump_llcr_minimum", "all", "loan life cover asked in the dump deck", unit="ratio", minimum=0, maximum=10, convention="C12c"),
        _par("dump_deck_years", "all", "repayment years at dumped prices", unit="years", minimum=0, maximum=30, convention="C12c"),
        _par("downside_opex_factor", "all", "operating cost in the downside deck", convention="C12c", **MULTIPLE),
        _par("downside_capex_factor", "all", "capital in the downside deck", convention="C12c", **MULTIPLE),
        _par("downside_delay_years", "all", "delay in the downside deck", unit="years", minimum=0, maximum=10, convention="C12c"),
        _par("cvar_alpha", "all", "share of worst scenarios", unit="share", above=0, maximum=1, convention="C12b"),
        _par("loss_tolerance", "all", "mean loss allowed there over PV of capital", unit="share", minimum=0, maximum=10, convention="C12b"),
        _par("care_share", "all", "cost while idle over operating cost and feed", convention="C10", **SHARE),
        _par("life_cap_years", "all", "most operating years valued", unit="years", minimum=1, maximum=200, convention="C10"),
    )


def _club_parameters() -> tuple[Field, ...]:
    return (
        _par("public_rate", "all", "real rate of all public money", convention="C2", **RATE),
        _par("lender_share_of_protection", "all", "share of a tariff's uplift that a lender counts", convention="C6", **SHARE),
        _par("review_year", "all", "from here on a lender counts none", unit="year", minimum=1900, maximum=2200, convention="C6"),
        _par("export_cost", "all", "cost of selling outside the club", convention="C7", **SHARE),
        _par("export_cap", "all", "most net exports over world supply", convention="C8", **SHARE),
        _par("supply_fill_restricted", "all", "availability of market in a restriction", convention="C5", **SHARE),
        _par("stack_cap", "all", "credits and grants together over capital", convention="C13", **SHARE),
        _par("upside_share_max", "all", "greatest g", convention="C13", **SHARE),
        _par("strike_max", "all", "greatest strike over long-run price", convention="C13", **MULTIPLE),
        _par("contract_min_revenue_share", "all", "least revenue share of a contracted product", convention="C14", **SHARE),
        _par("subsidy_band", "all", "most difference of subsidy equivalents", convention="C21b", **SHARE),
    )


CLUB_FIELDS: tuple[Field, ...] = (*_data_keys(), *_contract_keys(), *_ladder_keys(), *_border_keys(), *_support_keys(), *_negotiation_keys())
PARAMETER_FIELDS: tuple[Field, ...] = (*_project_parameters(), *_club_parameters())
