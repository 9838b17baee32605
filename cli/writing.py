"""Writing results: whole or not at all, and never over the input."""

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..reports.layout import Table
from .command import Code, Stop
from .output import Output


def check_target(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Refuse a file that cannot be written, before any work is done.

    Args:
        path: file to write; one that exists is replaced, as a compiler replaces its output.
        inputs: files and folders that are read; none of them, and no file in such a folder, is replaced.

    Raises:
        Stop: with the reason.
    """
    if "\0" in str(path):
        raise Stop(Code.INPUT, [f"cannot write {path}: the name holds a null character"])
    target = path.resolve()
    if path.is_dir():
        raise Stop(Code.INPUT, [f"cannot write {path}: it is a folder"])
    if not path.exists() and not target.parent.is_dir():
        raise Stop(Code.INPUT, [f"cannot write {path}: there is no folder {target.parent}"])
    for given in (item.resolve() for item in inputs):
        if target == given or (target.exists() and given.is_dir() and given in target.parents and target.suffix in (".csv", ".toml")):
            raise Stop(Code.INPUT, [f"cannot write {path}: it is an input of this command"])


def check_rows(path: Path | None, inputs: Iterable[Path]) -> None:
    """Refuse a file of rows that is not CSV or cannot be written, before any work is done; without a file nothing is checked.

    Raises:
        Stop: with the reason.
    """
    if path is None:
        return
    if path.suffix.lower() != ".csv":
        raise Stop(Code.INPUT, [f"cannot write {path}: the rows are written as .csv"])
    check_target(path, inputs)


def show_rows(out: Output, data: object, parts: Sequence[Table | str], path: Path | None, write: Callable[[Path], object]) -> None:
    """Write the rows of a result, if a file was named, show the result, and say what was written.

    Args:
        out: how the command was asked to speak.
        data: what ``--json`` writes.
        parts: tables and lines of text.
        path: file of the rows, if one was named; ``check_rows`` has passed it.
        write: writes the rows to the path that it is given.

    Raises:
        Stop: if the file cannot be written.
    """
    if path is not None:
        write_whole(path, write)
    out.show(data, parts)
    if path is not None:
        out.say(f"wrote {path}")


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    Args:
        path: file to write; a link is followed, and what is no regular file (a device, a pipe) is written directly.
        write: writes the content to the path that it is given, of the same suffix.

    Raises:
        Stop: if the file cannot be written.
    """
    target = path.resolve()
    try:
        if path.exists() and not path.is_file():
            with tempfile.TemporaryDirectory() as folder:
                made = Path(folder) / f"content{path.suffix}"
                write(made)
                with path.open("wb") as stream:
                    stream.write(made.read_bytes())
            return
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix)
        os.close(handle)
        made = Path(name)
        try:
            write(made)
            made.chmod(target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
            made.replace(target)
        finally:
            made.unlink(missing_ok=True)
    except OSError as error:
        raise Stop(Code.INPUT, [f"cannot write {path}: {error.strerror or error}"]) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
