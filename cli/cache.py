"""The command ``cache``: where results are kept between solves, how many, and how to empty it."""

from typing import Annotated

import typer

from ..reports.layout import fixed, table, text, whole
from .command import Code, Stop, command
from .output import Output

_MEGABYTE = 1e-6


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    command(app, "cache")(cache)


def cache(
    out: Output,
    clear: Annotated[bool, typer.Option("--clear", help="Remove all that is kept.")] = False,
) -> Code:
    """Show where solves keep what plants cost, and how much that is; MINCLUB_CACHE_DIR names another folder."""
    from ..models.store import Store, folder

    store = Store(folder())
    try:
        if clear:
            store.clear()
            out.say(f"removed {store.path}")
        held = store.contents()
    except OSError as error:
        remedy = "" if clear else "; minclub cache --clear removes it"
        raise Stop(Code.INPUT, [f"the cache cannot be {'removed' if clear else 'read'}: {error}{remedy}"]) from error
    finally:
        store.close()
    row = {"path": str(store.path), "entries": held.entries, "bytes": held.size, "most_bytes": store.most_bytes}
    columns = (("path", "file", text), ("entries", "entries", whole), ("bytes", "MB", fixed(1, _MEGABYTE)), ("most_bytes", "at most", fixed(1, _MEGABYTE)))
    out.show(row, [table("What plants cost, kept between solves", columns, [row])])
    return Code.DONE
