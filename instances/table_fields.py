"""Every column of every table, declared once."""

from typing import Any

from .field import COUNTRIES, STAGES, Field, Kind

DEV_STATUS = ("operating", "construction", "permitted", "permitting", "study", "dormant", "blocked")
FORMS = ("concentrate", "refined", "chemical", "anode")
POLICY_KINDS = ("tariff", "itc", "ptc", "income_tax", "mining_tax", "royalty", "export_control", "offtake", "price_floor", "stockpile", "demand_premium")
SHARE: dict[str, Any] = {"unit": "share", "minimum": 0, "maximum": 1}
MUSD: dict[str, Any] = {"unit": "million 2025 USD", "minimum": 0}
TONNES: dict[str, Any] = {"unit": "t/year", "minimum": 0}
NEED: dict[str, Any] = {"required": True}


def _price(**more: Any) -> dict[str, Any]:
    return {"unit": "2025 USD/t", "above": 0, **more}


def _field(table: str, name: str, kind: Kind, description: str, **more: Any) -> Field:
    return Field(table, name, kind, description, **more)


def _by_country(table: str, stem: str, description: str, **more: Any) -> tuple[Field, ...]:
    same = more.pop("same_as", "")
    return tuple(_field(table, f"{stem}_{c.lower()}", "float", f"{description}, {c}", same_as=f"{same}_{c.lower()}" if same else "", **more) for c in COUNTRIES)


def _origin(table: str) -> tuple[Field, ...]:
    words = "read, derived or assumed; one word for the row, or `column:word (reason)` parts separated by ;"
    return (
        _field(table, "provenance", "str", words, required=True, convention="C3"),
        _field(table, "source", "str", "address, file or source id of the numbers", default=""),
    )


def _plant_fields() -> tuple[Field, ...]:
    t = "projects"
    return (
        _field(t, "project_id", "id", "name of the project", **NEED),
        _field(t, "name", "str", "name for people", default=""),
        _field(t, "country", "choice", "host country", choices=COUNTRIES, **NEED),
        _field(t, "region", "str", "state or province", default=""),
        _field(t, "product_code", "id", "main product", refers="products", convention="C4", **NEED),
        _field(t, "stage", "choice", "what is built", choices=STAGES, convention="C11", **NEED),
        _field(t, "dev_status", "choice", "development status", choices=DEV_STATUS, **NEED),
        _field(t, "form_sold", "choice", "form of the main product sold", choices=FORMS, convention="C4", **NEED),
        _field(t, "capacity_t_per_year", "float", "output at full ramp", unit="t/year", above=0, convention="C10", **NEED),
        _field(t, "earliest_start_year", "year", "first year in which production can start", convention="C19", **NEED),
        _field(t, "build_years", "int", "years of construction before production", unit="years", minimum=1, maximum=20, convention="C10", **NEED),
        _field(t, "ramp", "numbers", "share of capacity by operating year; the last value holds for all later years", convention="C10", **NEED, **SHARE),
        _field(t, "life_years", "int", "operating years (cut at life_cap_years)", unit="years", minimum=1, maximum=200, convention="C10", **NEED),
        _field(t, "capex_musd", "float", "capital of the study, before the optimism factor", convention="C10", **NEED, **MUSD),
        _field(t, "sustaining_musd_per_year", "float", "sustaining capital per operating year", convention="C10", **NEED, **MUSD),
        _field(
            t,
            "opex_usd_per_t",
            "float",
            "operating cost per tonne of main product, without feed charged separately",
            unit="2025 USD/t",
            convention="C10",
            **NEED,
        ),
        _field(t, "payability", "float", "share of the product price that the buyer pays", unit="share", above=0, maximum=1, convention="C4", **NEED),
        _field(t, "royalty_rate", "float", "royalty on main-product sales", convention="C10", **NEED, **SHARE),
        _field(t, "expansion_capex_musd", "float", "capital of an expansion; 0 = none", default=0.0, convention="C10", **MUSD),
        _field(t, "expansion_year", "int", "operating year (1 = first) in which it is spent; 0 = none", default=0, minimum=0, maximum=200, convention="C10"),
        _field(t, "expansion_capacity_t_per_year", "float", "capacity added; 0 = inside capacity and ramp", default=0.0, convention="C10", **TONNES),
    )


def _standing_fields() -> tuple[Field, ...]:
    t = "projects"
    return (
        _field(t, "china_linked", "bool", "owned by a China-linked firm", convention="C22", **NEED),
        _field(t, "exclusive_group", "str", "at most one project of a group is built; empty = none", default="", convention="C27"),
        _field(t, "data_tier", "choice", "A read or derived, B one main number assumed, C two or more", choices=("A", "B", "C"), **NEED),
        _field(t, "available", "bool", "may be built in the baseline and the club", default=True, convention="C27"),
        _field(t, "b0_supply", "bool", "under construction with closed finance: built in every design", default=False, convention="C27"),
        _field(t, "sunk_capex_share", "float", "share of capital spent before the base year", convention="C10", **NEED, **SHARE),
        _field(t, "optimism_factor", "float", "multiple on capital by grade of study", unit="multiple", above=0, maximum=10, convention="C10", **NEED),
        _field(t, "public_loan_musd", "float", "closed public loan; 0 = none", default=0.0, convention="C12", **MUSD),
        _field(t, "public_loan_tenor_years", "int", "tenor of that loan; 0 = none", unit="years", minimum=0, maximum=60, default=0, convention="C12"),
        _field(
            t, "public_loan_spread", "float", "its real rate over public_base_rate", unit="per year", minimum=-0.05, maximum=1, default=0.0, convention="C12"
        ),
        _field(t, "public_grant_musd", "float", "public grant, off capital; 0 = none", default=0.0, convention="C10", **MUSD),
    )


def _support_fields() -> tuple[Field, ...]:
    t = "projects"
    return (
        _field(t, "feed_product_code", "id", "product bought as feed, only if charged separately", refers="products", default="", convention="C4"),
        _field(t, "feed_t_per_t", "float", "feed per tonne of main product", unit="t/t", minimum=0, default=0.0, convention="C4"),
        _field(t, "feed_price_factor", "float", "price of the feed over its product's price", unit="multiple", minimum=0, default=0.0, convention="C4"),
        _field(t, "itc_eligible", "bool", "may draw investment credits", convention="C15", **NEED),
        _field(t, "ptc_eligible_share", "float", "share of operating cost on which production credits are paid", convention="C15", **NEED, **SHARE),
        _field(
            t,
            "ptc_eligible_share_proposed",
            "float",
            "the same where data.ptc_cost_base is proposed",
            same_as="ptc_eligible_share",
            convention="C15",
            **SHARE,
        ),
        _field(
            t,
            "standards_gap_usd_per_t",
            "float",
            "cost of the high standard per tonne of main product, over national law",
            unit="2025 USD/t",
            minimum=0,
            default=0.0,
            convention="C18",
        ),
        *_origin(t),
    )


def _product_fields() -> tuple[Field, ...]:
    t = "products"
    law: dict[str, Any] = {"unit": "ad valorem rate", "minimum": 0, "maximum": 10, "convention": "C6", **NEED}
    growth: dict[str, Any] = {"unit": "per year", "minimum": -0.5, "maximum": 1, "convention": "C8", **NEED}
    years: dict[str, Any] = {"unit": "years", "minimum": 0, "maximum": 60, "convention": "C5", **NEED}
    hazard: dict[str, Any] = {"unit": "per year", "minimum": 0, "maximum": 1, "convention": "C5", **NEED}
    kappa: dict[str, Any] = {"unit": "per year", "minimum": 0, "maximum": 20, "convention": "C5", **NEED}
    return (
        _field(t, "product_code", "id", "name of the product", **NEED),
        _field(t, "name", "str", "name for people", default=""),
        _field(t, "unit", "str", "what a tonne is", **NEED),
        _field(t, "form", "choice", "form in which price, demand and supply are stated", choices=FORMS, convention="C4", **NEED),
        _field(t, "exchange_traded", "bool", "a futures contract exists (no specialty add-on)", convention="C12", **NEED),
        _field(t, "long_run_mean_usd_per_t", "float", "long-run price, mean", convention="C5", **_price(**NEED)),
        _field(t, "long_run_geometric_usd_per_t", "float", "long-run price, geometric mean", convention="C5", **_price()),
        _field(t, "spot_usd_per_t", "float", "price in the base year", convention="C5", **_price(**NEED)),
        *_by_country(t, "demand_direct_2025_t", "direct demand in 2025", convention="C8", **NEED, **TONNES),
        *_by_country(t, "demand_embodied_2025_t", "demand in 2025 with material inside imports", same_as="demand_direct_2025_t", convention="C8", **TONNES),
        _field(t, "growth_to_2030", "float", "growth of demand to 2030", **growth),
        _field(t, "growth_after_2030", "float", "growth of demand after 2030", **growth),
        *_by_country(t, "existing_refined_t", "existing supply in the form stated", convention="C8", **NEED, **TONNES),
        _field(t, "world_supply_t", "float", "world supply", convention="C8", **NEED, **TONNES),
        _field(t, "non_china_supply_t", "float", "world supply not controlled by China, the club's included", convention="C5", **NEED, **TONNES),
        _field(t, "market_reach_share", "float", "share of non-Chinese supply outside the club that the club can buy", convention="C5", **NEED, **SHARE),
        _field(t, "other_imports_t", "float", "today's imports from outside China and the club (floor of A)", convention="C5", **NEED, **TONNES),
        _field(t, "china_controlled_share", "float", "share of world supply that China controls", convention="C12", **NEED, **SHARE),
        _field(t, "china_made_share", "float", "share of world supply made in China", same_as="china_controlled_share", convention="C5", **SHARE),
        *_by_country(t, "law_tariff_china", "tariff in law on china_linked", **law),
        *_by_country(t, "law_tariff_market", "tariff in law on market", **law),
        _field(t, "sigma_annual", "float", "volatility of the log price", unit="per root year", minimum=0, maximum=5, convention="C5", **NEED),
        _field(t, "kappa_slow", "float", "speed of reversion, slow regime", **kappa),
        _field(t, "kappa_fast", "float", "speed of reversion, fast regime", **kappa),
        _field(t, "dump_hazard", "float", "chance that a dump starts in a year", **hazard),
        _field(t, "dump_depth", "float", "fall of china_linked below the long-run price in a dump", convention="C5", **NEED, **SHARE),
        _field(t, "dump_ramp_years", "float", "years to the trough", **years),
        _field(t, "dump_length_years", "float", "years of a dump, ramp included", **years),
        _field(t, "dump_follow", "float", "share of the fall that market follows", convention="C5", **NEED, **SHARE),
        _field(t, "restrict_hazard", "float", "chance that a restriction starts in a year", **hazard),
        _field(t, "restrict_ramp_years", "float", "years to the peak", **years),
        _field(t, "restrict_length_years", "float", "years of a restriction, ramp included", **years),
        _field(
            t, "spike_factor", "float", "price in a shortage over the landed market price", unit="multiple", minimum=1, maximum=100, convention="C7", **NEED
        ),
        _field(t, "restricted_now", "bool", "the base year starts inside a restriction", convention="C5", **NEED),
        _field(t, "is_defence", "bool", "used in defence", **NEED),
        _field(t, "demand_elasticity", "float", "price elasticity of demand", unit="elasticity", minimum=-5, maximum=0, convention="C25", **NEED),
        _field(t, "voll_usd_per_t", "float", "loss per tonne of shortage", unit="2025 USD/t", minimum=0, convention="C25", **NEED),
        _field(t, "defence_share", "float", "share of demand that is defence", default=0.0, convention="C17", **SHARE),
        _field(t, "standard_cost_usd_per_t", "float", "full cost of the high standard", unit="2025 USD/t", minimum=0, default=0.0, convention="C18"),
        _field(t, "standard_compliance_china", "float", "share of china_linked supply that meets it", default=1.0, convention="C18", **SHARE),
        _field(t, "standard_compliance_market", "float", "share of market supply that meets it", default=1.0, convention="C18", **SHARE),
        *_origin(t),
    )


def _stream_fields() -> tuple[Field, ...]:
    b, v = "byproducts", "converters"
    return (
        _field(b, "project_id", "id", "project that sells it", refers="projects", **NEED),
        _field(b, "product_code", "id", "product, or `other`", refers="products", choices=("other",), convention="C8", **NEED),
        _field(b, "description", "str", "what it is", default=""),
        _field(b, "t_per_year", "float", "output at full ramp", convention="C10", **NEED, **TONNES),
        _field(b, "price_usd_per_t", "float", "constant price; may stay empty for a listed product", unit="2025 USD/t", minimum=0, convention="C8"),
        _field(b, "payability", "float", "share of the price that the buyer pays", unit="share", above=0, maximum=1, convention="C10", **NEED),
        *_origin(b),
        _field(v, "converter_id", "id", "name of the plant", **NEED),
        _field(v, "name", "str", "name for people", default=""),
        _field(v, "country", "choice", "host country", choices=COUNTRIES, **NEED),
        _field(v, "input_product_code", "id", "product bought", refers="products", convention="C8", **NEED),
        _field(v, "output_product_code", "id", "product made", refers="products", convention="C8", **NEED),
        _field(v, "input_t_per_year", "float", "input capacity", unit="t/year", above=0, convention="C8", **NEED),
        _field(v, "output_t_per_year", "float", "output capacity", unit="t/year", above=0, convention="C8", **NEED),
        _field(v, "start_year", "year", "first year of operation", **NEED),
        _field(v, "counted", "bool", "counts for need and security", convention="C22", **NEED),
        _field(v, "china_linked", "bool", "owned by a China-linked firm", convention="C22", **NEED),
        *_origin(v),
    )


def _law_fields() -> tuple[Field, ...]:
    t, k = "policy", "contracts"
    return (
        _field(t, "instrument_id", "id", "name of the instrument", **NEED),
        _field(t, "country", "choice", "country of the law", choices=COUNTRIES, **NEED),
        _field(t, "products", "list", "products covered, or `all`", refers="products", choices=("all",), **NEED),
        _field(t, "kind", "choice", "kind of instrument; the model reads itc, ptc and demand_premium", choices=POLICY_KINDS, convention="C15", **NEED),
        _field(
            t,
            "rate",
            "float",
            "rate before any phase-out (share of capital, of operating cost, or ad valorem; demand_premium: 2025 USD/t)",
            minimum=0,
            convention="C15",
            **NEED,
        ),
        _field(t, "start_year", "year", "first year in force", convention="C15", **NEED),
        _field(t, "end_year", "year", "last year in force; empty = no end", convention="C15"),
        _field(t, "law_vintage", "str", "law of which year states it, see data.law_vintage; empty = every one", default="", convention="C15"),
        _field(
            t, "phase_schedule", "schedule", "rate from a year on, later entries replace earlier ones", unit="rate", minimum=0, default=(), convention="C15"
        ),
        *_origin(t),
        _field(k, "contract_id", "id", "name of the contract", **NEED),
        _field(k, "country", "choice", "country that pays", choices=COUNTRIES, **NEED),
        _field(k, "product_code", "id", "product contracted, or `other`", refers="products", choices=("other",), **NEED),
        _field(k, "project_id", "id", "project that holds it; empty = none in the data", refers="projects", default=""),
        _field(k, "quantity_t_per_year", "float", "quantity; empty = all output", convention="C14", **TONNES),
        _field(k, "strike_usd_per_t", "float", "strike", convention="C14", **_price()),
        _field(k, "tenor_years", "int", "tenor", unit="years", minimum=1, maximum=60, convention="C14"),
        _field(k, "upside_share", "float", "government's share of the price above the strike", default=0.0, convention="C14", **SHARE),
        _field(k, "share", "float", "share of output covered", default=1.0, convention="C14", **SHARE),
        _field(k, "start_year", "year", "first year", **NEED),
        _field(k, "in_b0", "bool", "part of the law and contracts in force", convention="C27", **NEED),
        *_origin(k),
    )


def _parameter_fields() -> tuple[Field, ...]:
    f, a = "finance", "assumptions"
    return (
        _field(f, "parameter", "id", "name of the parameter", **NEED),
        _field(f, "country", "choice", "country, or ALL", choices=("ALL", *COUNTRIES), **NEED),
        _field(f, "stage", "choice", "stage, or all", choices=("all", *STAGES), **NEED),
        _field(f, "low", "float", "low value of the range"),
        _field(f, "base", "float", "value used", **NEED),
        _field(f, "high", "float", "high value of the range"),
        _field(f, "unit", "str", "unit of the values", default=""),
        *_origin(f),
        _field(f, "notes", "str", "notes", default=""),
        _field(a, "name", "str", "column of products or projects that it fills, or a key of club.toml", convention="C3", **NEED),
        _field(a, "scope", "id", "product, project or `all`; the most specific row fills the cell", **NEED),
        _field(a, "low", "float", "low value of the range"),
        _field(a, "base", "float", "value used", **NEED),
        _field(a, "high", "float", "high value of the range"),
        _field(a, "unit", "str", "unit of the values", default=""),
        *_origin(a),
        _field(a, "reason", "str", "why this value", default=""),
    )


def _record_fields() -> tuple[Field, ...]:
    e, p, s = "episodes", "prices", "sources"
    return (
        _field(e, "product_code", "id", "product", refers="products", **NEED),
        _field(e, "kind", "choice", "dump or restrict", choices=("dump", "restrict"), convention="C5", **NEED),
        _field(e, "start", "str", "year or year-month in which it began", **NEED),
        _field(e, "end", "str", "year or year-month in which it ended", **NEED),
        _field(e, "from_price", "float", "price before, in the unit of the row", minimum=0),
        _field(e, "to_price", "float", "price at the extreme", minimum=0),
        _field(e, "unit", "str", "unit of the two prices", default=""),
        _field(e, "change", "float", "relative change", unit="share", minimum=-1),
        _field(e, "cause", "str", "cause", default=""),
        *_origin(e),
        _field("correlations", "product_code", "id", "product; the other columns are products too", refers="products", convention="C5", **NEED),
        _field("correlations", "<product>", "float", "correlation of log returns", minimum=-1, maximum=1, refers="products", convention="C5", **NEED),
        _field(p, "scenario", "int", "number of the scenario, from 0", minimum=0, maximum=100_000, **NEED),
        _field(p, "product", "id", "product", refers="products", **NEED),
        _field(p, "year", "year", "year", **NEED),
        _field(p, "market_usd_per_t", "float", "price M at the market node", convention="C5", **_price(**NEED)),
        _field(p, "china_usd_per_t", "float", "price C at the china_linked node", convention="C5", **_price(**NEED)),
        _field(p, "restricted", "bool", "flag R: china_linked sells nothing", convention="C5", **NEED),
        _field(s, "id", "str", "name of a data file, or a source id used in source cells", **NEED),
        _field(s, "title", "str", "title", **NEED),
        _field(s, "url", "str", "address; empty = written for this instance", default=""),
        _field(s, "licence", "str", "licence of the figures", **NEED),
        _field(s, "redistributable", "bool", "may be passed on", **NEED),
    )


TABLE_FIELDS: tuple[Field, ...] = (
    *_plant_fields(),
    *_standing_fields(),
    *_support_fields(),
    *_product_fields(),
    *_stream_fields(),
    *_law_fields(),
    *_parameter_fields(),
    *_record_fields(),
)
