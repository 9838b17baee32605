"""Commands that write files for other programs and for readers: ``export`` and ``picture``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .command import Code, Stop, command
from .options import InstanceName, Settings, TimeLimit
from .output import Output
from .progress import progress
from .writing import check_target, write_whole

if TYPE_CHECKING:
    from ..instances.instance import Instance


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    command(app, "export")(export)
    command(app, "picture")(picture)


def export(
    out: Output,
    instance: InstanceName,
    mps: Annotated[Path, typer.Option("--mps", metavar="FILE", help="The MPS file to write.")],
    time_limit: TimeLimit = None,
    settings: Settings = None,
) -> Code:
    """Write the optimisation problem for another solver."""
    from ..instances.loader import load
    from .mps import last_master, write_mps
    from .solving import solver_errors

    found = load(instance, settings)
    check_target(mps, [found.path])
    with solver_errors(), progress(out) as report:
        master, clusters, objective = last_master(found, 1e-3, time_limit, report)
    write_whole(mps, lambda made: write_mps(master, clusters, made))
    data = {"mps": str(mps), "plans": len(master.plans), "objective_musd": objective}
    out.show(data, [f"wrote {mps}: {len(master.plans)} plans; the optimum is {objective!r} million 2025 USD"])
    return Code.DONE


def picture(
    out: Output,
    folder: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Folder for the pictures; it is made if it is missing.")],
    instance: Annotated[str, typer.Argument(metavar="[INSTANCE]", help="A shipped name or the path of a folder with club.toml.")] = "usmca",
    kind: Annotated[Literal["svg", "png"], typer.Option("--format", metavar="svg|png", help="Kind of the files.")] = "svg",
    settings: Settings = None,
) -> Code:
    """Draw an instance's price scenarios."""
    from ..instances.loader import load

    found = load(instance, settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Stop(Code.INPUT, [f"cannot make the folder {folder}: {error.strerror or error}"]) from error
    made = _draw(found, folder, kind)
    out.show({"pictures": [str(path) for path in made]}, [str(path) for path in made])
    return Code.DONE


def _draw(instance: "Instance", folder: Path, kind: str) -> list[Path]:
    from ..instances.scenarios import generate
    from ..reports.figures import price_fans

    target = folder / f"{instance.name}-prices.{kind}"
    check_target(target, [instance.path])
    drawn = generate(instance)
    write_whole(target, lambda path: price_fans(instance, drawn, list(drawn.products), path))
    return [target]
