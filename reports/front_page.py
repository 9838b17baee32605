"""Write the shipped result where readers meet it: pictures, ``docs/result.md`` and a block in ``README.md``.

``python -m minclub.reports.front_page [DESIGN]`` solves ``usmca`` (or reads a design of it) and writes all of them together with
``docs/assets/usmca.json``, from which every number comes. A test fails when a page and that design differ.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .block import Block
from .design_figures import pictures
from .design_story import COUNTRIES, Story, records, strikes, supply, total
from .tables import plain_text

if TYPE_CHECKING:
    from ..solvers.design import Design

ROOT = Path(__file__).resolve().parent.parent
INSTANCE = "usmca"
RESULT = Block("<!-- result: written by python -m minclub.reports.front_page -->", "<!-- end of result -->")
ALT = "The design of least public cost: secured shares against targets with tariffs, contracts and credits; strikes; payments and credits by year against caps"


def main(arguments: Sequence[str] | None = None) -> int:
    """Solve or read the design of the shipped instance and write all that shows it."""
    from ..instances.loader import load
    from ..solvers.design import Design
    from ..solvers.solve import solve

    given = sys.argv[1:] if arguments is None else list(arguments)
    design = Design.read(given[0]) if given else solve(load(INSTANCE), command="python -m minclub.reports.front_page")
    for path in write(design, ROOT):
        print(path)
    return 0


def write(design: Design, root: Path) -> list[Path]:
    """Write design, pictures, result page and the README's block below a checkout's root.

    Raises:
        ValueError: the design is not a proven and audited one of the shipped instance, or the README has no place for it.
    """
    from ..instances.loader import load

    proof = design.certificate
    if not design.proven or proof.get("audit") != "passed" or design.provenance["overrides"] or design.provenance["fixes"]:
        raise ValueError("only a proven and audited design of the instance as it is shipped can stand on the front page")
    placeless = replace(design, provenance=design.provenance | {"instance_path": None})
    story = Story.read(placeless, load(INSTANCE))
    assets = root / "docs" / "assets"
    made = pictures(placeless, assets, story.instance)
    made.append(placeless.write(assets / f"{INSTANCE}.json"))
    readme, page = root / "README.md", root / "docs" / "result.md"
    readme.write_text(RESULT.written(readme.read_text(encoding="utf-8"), block(story)), encoding="utf-8")
    page.write_text(result_page(story), encoding="utf-8")
    return [*made, readme, page]


def block(story: Story) -> str:
    """Return the result in a few lines of Markdown: cost, proof, users, and the table of products."""
    design = story.design
    proof = design.certificate
    booked = {country: total(design, "booked", country) for country in COUNTRIES}
    shares = ", ".join(f"{name} {booked[country]:,.0f}" for country, name in COUNTRIES.items())
    rises = ", ".join(f"{row['country']} {row['rise']:.1%}" for row in records(design.consumers) if row["scope"] == "basket")
    gains = ", ".join(f"{row['country']} {row['pv_musd']:+,.0f}" for row in records(design.payoff) if row["part"] == "total")
    held = len(design.contracts)
    return (
        f"It costs the three treasuries **{total(design, 'booked'):,.0f} million USD** over current law (present value in {story.base_year}, "
        f"2025 prices): expected payments less receipts of {held} contracts, and credits ({shares}). Before receipts that is "
        f"{total(design, 'outlay'):,.0f}; in the worst 5% of scenarios {total(design, 'worst5_outlay'):,.0f}. Users' baskets rise by {rises}. "
        f"Payoffs against current law, users and security included, in million USD: {gains}.\n\n"
        f"Objective {proof['objective_musd']:,.1f} (booked cost plus {story.instance.settings['objective.cvar_weight']} x the mean of the worst "
        f"scenarios, C26), bound {proof['bound_musd']:,.1f}, gap asked {proof['gap_asked']:.1%}; audit {proof['audit']}; "
        f"instance hash `{proof['instance_sha256'][:12]}`.\n\n{supply_table(story)}"
    )


def supply_table(story: Story) -> str:
    """Return targets and means as a Markdown table."""
    head = f"| secured share of demand, {story.window} | current law | target | club | tariff: China-linked / other | contracts | credits over law |"
    lines = [head, "|---|--:|--:|--:|---|---|---|"]
    for row in records(supply(story)):
        lines.append("| {name} | {before:.0%} | {target:.0%} | {after:.0%} | {tariff} | {contracts} | {credits} |".format(**row))
    return "\n".join(lines) + "\n"


def strike_table(story: Story) -> str:
    """Return strikes and long-run prices as a Markdown table."""
    lines = ["| contract | product | strike, USD/t | long-run price, USD/t | ratio | paid in |", "|---|---|--:|--:|--:|---|"]
    for row in records(strikes(story)):
        lines.append("| {name} | {product} | {strike:,.0f} | {long_run:,.0f} | {ratio:.0%} | {years} |".format(**row))
    return "\n".join(lines) + "\n"


def result_page(story: Story) -> str:
    """Return the page of the shipped result: pictures, the short result, strikes, and every table as the program prints it."""
    untimed: dict[str, Any] = story.design.certificate | {"seconds": None}
    printed = plain_text(replace(story.design, certificate=untimed), story.instance)
    return PAGE.format(instance=INSTANCE, alt=ALT, block=block(story), strikes=strike_table(story), printed=printed)


PAGE = """# The shipped result

`{instance}` is the instance of November 2026: its data are described under [evidence](evidence.md), its rules under [conventions](conventions.md).
This page and both pictures are written by `python -m minclub.reports.front_page` from [the design](assets/{instance}.json);
`minclub audit docs/assets/{instance}.json` checks every number of it.

![{alt}](assets/{instance}.svg)

{block}
{strikes}
![Expected public cost by country and year, with caps, and border revenue](assets/{instance}-cost.svg)

How to read it:

* *Current law* is the baseline B0 (C27): law, closed contracts, projects under construction and all that pay without help. Every cost and payoff is a change against it.
* A tariff is a floor: each country levies the higher of the harmonised rate and its own law (C6).
* A strike is the least that makes a project bankable (C12, C14), not more; a project that passes alone gets no contract (C13).
* The optimum is a result of the stated targets, caps and assumed data. `minclub describe {instance} --assumed` lists what is assumed.

## All tables

```text
{printed}```
"""


if __name__ == "__main__":
    raise SystemExit(main())
