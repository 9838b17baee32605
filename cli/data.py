"""Commands on instances: ``list``, ``new``, ``validate``, ``describe``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..reports.layout import Table, number, table, text, whole
from .command import Code, Stop, command
from .options import InstanceName, Settings
from .output import Output
from .writing import check_target, write_whole

if TYPE_CHECKING:
    from ..instances.instance import Instance

Columns = tuple[tuple[str, str, Any], ...]
_VALUE = ("value", "value", text)
_MEANING: Columns = (("unit", "unit", text), ("convention", "rule", text), ("description", "meaning", text))


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    command(app, "list")(show_list)
    command(app, "new")(new)
    command(app, "validate")(validate)
    command(app, "describe")(describe)


def show_list(out: Output) -> Code:
    """List the shipped instances."""
    from ..instances import catalogue
    from ..instances.loader import load

    rows = [_summary(load(name)) for name in catalogue.names()]
    columns: Columns = (("name", "name", text), ("products", "products", whole), ("projects", "projects", whole), ("title", "title", text))
    out.show(rows, [table("Shipped instances", columns, rows)])
    return Code.DONE


def _summary(instance: "Instance") -> dict[str, Any]:
    title = instance.settings.get("title")
    return {"name": instance.name, "title": title, "products": len(instance.products), "projects": len(instance.projects)}


def new(
    out: Output,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the copy: letters, digits, _ and -.")],
    source: Annotated[str, typer.Option("--from", metavar="INSTANCE", help="Instance to copy: a shipped name or a folder.")] = "tutorial",
    folder: Annotated[Path, typer.Option("--in", metavar="FOLDER", help="Folder in which the copy is made.")] = Path(),
) -> Code:
    """Copy an instance to a new folder, as a start for your own."""
    from ..instances import catalogue

    try:
        made = catalogue.new(name, source, folder)
    except OSError as error:
        raise Stop(Code.INPUT, [f"cannot make {folder / name}: {error.strerror or error}"]) from error
    out.show({"name": name, "path": str(made)}, [str(made)])
    return Code.DONE


def validate(out: Output, instance: InstanceName, settings: Settings = None) -> Code:
    """Check an instance and list everything that is wrong with it."""
    from ..instances.loader import load

    found = load(instance, settings)
    data = {**_summary(found), "valid": True, "sha256": found.sha256, "notes": list(found.notes)}
    out.show(data, [f"{found.name} is valid: {len(found.products)} products, {len(found.projects)} projects", *(f"note: {note}" for note in found.notes)])
    return Code.DONE


def describe(
    out: Output,
    instance: InstanceName,
    parameters: Annotated[bool, typer.Option("--parameters", help="Settings and finance parameters with their meanings.")] = False,
    prices: Annotated[bool, typer.Option("--prices", help="Quantiles of the price scenarios, or with --out a picture of them.")] = False,
    assumed: Annotated[bool, typer.Option("--assumed", help="Every number that rests on an assumption.")] = False,
    picture: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="With --prices: the picture to write, .svg or .png.")] = None,
    settings: Settings = None,
) -> Code:
    """Say what is in an instance: sizes and where its numbers come from."""
    from ..instances.loader import load

    if picture is not None and not prices:
        raise Stop(Code.INPUT, ["--out needs --prices"])
    found = load(instance, settings)
    if picture is not None:
        return _price_picture(out, found, picture)
    asked = [make for flag, make in ((parameters, _parameters), (prices, _prices), (assumed, _assumed)) if flag]
    data: dict[str, Any] = {"name": found.name, "title": found.settings.get("title"), "sha256": found.sha256}
    parts: list[Table] = []
    for make in asked or [_contents]:
        add, tables = make(found)
        data |= add
        parts += tables
    out.show(data, parts)
    return Code.DONE


Described = tuple[dict[str, Any], list[Table]]


def _contents(instance: "Instance") -> Described:
    from ..instances import describe

    sizes = describe.sizes(instance)
    counts = [{**asdict(c), "total": c.total} for c in describe.provenance_counts(instance)]
    columns: Columns = (
        ("table", "table", text), ("total", "numbers", whole), ("read", "read", whole), ("derived", "derived", whole), ("assumed", "assumed", whole),
    )  # fmt: skip
    rows = [{"table": name, "rows": count} for name, count in sizes.items()]
    tables = [
        table(f"Instance {instance.name}: {instance.settings.get('title') or ''}", (("table", "table", text), ("rows", "rows", whole)), rows),
        table("Where the numbers come from", columns, counts),
    ]
    notes = [{"note": note} for note in instance.notes]
    tables += [table("Notes", (("note", "", text),), notes)] if notes else []
    return {"rows": sizes, "provenance": counts, "notes": list(instance.notes)}, tables


def _parameters(instance: "Instance") -> Described:
    from ..instances import describe

    settings = [asdict(item) for item in describe.settings(instance)]
    finance = [asdict(item) for item in describe.parameters(instance)]
    shown = [{**row, "value": _setting(row["value"])} for row in settings]
    place: Columns = (("parameter", "parameter", text), ("country", "country", text), ("stage", "stage", text))
    numbers: Columns = tuple((key, key, number) for key in ("low", "base", "high"))
    tables = [
        table("Settings (club.toml)", (("key", "setting", text), _VALUE, *_MEANING), shown),
        table("Finance parameters (finance.csv)", (*place, *numbers, ("word", "from", text), *_MEANING), finance),
    ]
    return {"settings": settings, "parameters": finance}, tables


def _setting(value: object) -> object:
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else value


def _prices(instance: "Instance") -> Described:
    from ..instances.scenarios import generate
    from ..reports.figures import fan

    drawn = generate(instance)
    rows = [
        {"product": product, "node": node, **{str(key): value for key, value in row.items()}}
        for product in drawn.products
        for node in ("market", "china_linked")
        for row in fan(drawn, product, node).to_dict("records")
    ]
    columns: Columns = (
        ("product", "product", text), ("node", "node", text), ("year", "year", whole), *((q, q, number) for q in ("q05", "q25", "q50", "q75", "q95")),
    )  # fmt: skip
    notes = ["qNN: NN% of the scenarios are at or below this price. china_linked: only scenarios in which it sells."]
    title = f"Price scenarios, 2025 USD per t, {drawn.count} scenarios"
    return {"scenarios": drawn.count, "unit": "2025 USD per t", "prices": rows}, [table(title, columns, rows, notes=notes)]


def _assumed(instance: "Instance") -> Described:
    from ..instances import describe

    rows = [asdict(item) for item in describe.assumed(instance)]
    filled = [item._asdict() for item in describe.filled(instance)]
    columns: Columns = (("table", "table", text), ("row", "row", text), ("column", "column", text), _VALUE)
    tables = [
        table("Numbers that rest on an assumption", (*columns, ("source", "source", text)), rows),
        table("Empty cells that were filled", (*columns[:3], ("value", "value", number), ("provenance", "by", text)), filled),
    ]
    return {"assumed": rows, "filled": filled}, tables


def _price_picture(out: Output, instance: "Instance", path: Path) -> Code:
    from ..instances.scenarios import generate
    from ..reports.figures import price_fans

    if path.suffix.lower() not in (".svg", ".png"):
        raise Stop(Code.INPUT, [f"cannot write {path}: pictures are .svg or .png"])
    check_target(path, [instance.path])
    drawn = generate(instance)
    write_whole(path, lambda made: price_fans(instance, drawn, list(drawn.products), made))
    out.show({"picture": str(path)}, [f"wrote {path}"])
    return Code.DONE
