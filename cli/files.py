"""Commands that write files for other programs and for readers: ``export`` and ``picture``."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..reports.layout import MONEY
from .command import Code, Stop, command
from .options import Cached, InstanceName, Settings
from .output import Output
from .solving import outcome, search, solver_errors
from .writing import check_target, write_whole

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

    from ..instances.instance import Instance
    from ..solvers.design import Design


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    command(app, "export")(export)
    command(app, "picture")(picture)


def export(
    out: Output,
    instance: InstanceName,
    mps: Annotated[Path, typer.Option("--mps", metavar="FILE", help="The MPS file to write.")],
    form: Annotated[
        Literal["plans", "compact"],
        typer.Option("--form", metavar="plans|compact", help="The master over all plans that can matter, or the whole compact model (small instances)."),
    ] = "plans",
    settings: Settings = None,
    cache: Cached = True,
) -> Code:
    """Write the problem for another solver; its optimum is the design's objective."""
    import pyomo.environ  # noqa: F401  (it brings the writers of files)

    from ..instances.loader import load
    from ..models.store import caching

    found = load(instance, settings)
    check_target(mps, [found.path])
    out.say(f"writing the {form} model")
    with solver_errors(), caching(cache):
        model = compact_model(found) if form == "compact" else plan_model(found)
    write_whole(mps, lambda made: model.write(str(made), format="mps", io_options={"symbolic_solver_labels": True}))
    out.show({"mps": str(mps), "instance_sha256": found.sha256}, [f"wrote {mps}: minimises the objective of C26 in {MONEY}"])
    return Code.DONE


def compact_model(instance: "Instance") -> "ConcreteModel":
    """Return the compact Pyomo model."""
    from ..models.club import Club
    from ..models.desk import Desk

    return Club(Desk(instance)).model


def plan_model(instance: "Instance") -> "ConcreteModel":
    """Return the Pyomo master over plans."""
    from ..solvers.solve import plan_master

    return plan_master(instance)


def picture(
    out: Output,
    folder: Annotated[Path, typer.Option("--out", "-o", metavar="FOLDER", help="Folder for the pictures; it is made if it is missing.")],
    instance: Annotated[str | None, typer.Argument(metavar="[INSTANCE]", help="The instance to solve and draw; default: usmca.")] = None,
    given: Annotated[Path | None, typer.Option("--design", "-d", metavar="FILE", help="Draw this design.json instead of solving.")] = None,
    kind: Annotated[Literal["svg", "png"], typer.Option("--format", metavar="svg|png", help="Kind of the files.")] = "svg",
    settings: Settings = None,
    cache: Cached = True,
) -> Code:
    """Draw a design: what it reaches and by which means, its strikes, its cost by year."""
    from ..instances.loader import load
    from ..solvers.design import Design

    if given is not None and settings:
        raise Stop(Code.INPUT, ["--set changes a solve; a design is drawn with the settings that it was made with"])
    found: Instance | None = None
    with solver_errors():
        if given is not None:
            design = Design.read(given)
        else:
            found = load(instance or "usmca", settings)
            design = search(out, found, cache=cache)
    made = draw(design, folder, found, kind)
    out.show({"pictures": [str(path) for path in made]}, [str(path) for path in made])
    return outcome(design)


def draw(design: "Design", folder: Path, instance: "Instance | None", kind: Literal["svg", "png"]) -> list[Path]:
    """Draw all figures of a design beside the folder's other files and then put them in their places.

    Raises:
        Stop: if the folder cannot be written, or the design's instance is not the one given.
    """
    from ..reports.design_figures import pictures

    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".minclub-") as workshop:
            made = pictures(design, Path(workshop), instance, kind)
            return [path.replace(folder / path.name) for path in made]
    except OSError as error:
        raise Stop(Code.INPUT, [f"cannot write pictures in {folder}: {error.strerror or error}"]) from error
