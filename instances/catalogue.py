"""The shipped instances, and copies of them."""

import re
import shutil
from importlib.resources import files
from pathlib import Path

from .errors import InstanceError, Problem, did_you_mean, shown
from .schema import CLUB_FILE

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]{0,63}", re.ASCII)
_COPIED = (".csv", ".toml", ".md", ".json")


def root() -> Path:
    """Return the folder that holds the shipped instances."""
    return Path(str(files(__package__)))


def names() -> list[str]:
    """List the shipped instances."""
    return sorted(path.name for path in root().iterdir() if (path / CLUB_FILE).is_file())


def resolve(name_or_path: str | Path) -> Path:
    """Find the folder of an instance.

    Args:
        name_or_path: a shipped name, or the path of a folder that holds club.toml (or of that file).

    Raises:
        InstanceError: if there is no such instance.
    """
    if isinstance(name_or_path, str) and name_or_path in names():
        return root() / name_or_path
    text = str(name_or_path)
    path = Path(name_or_path)
    try:
        if "\0" not in text and path.name == CLUB_FILE and path.is_file():
            return path.parent
        if "\0" not in text and path.is_dir():
            if (path / CLUB_FILE).exists():
                return path
            raise InstanceError([Problem(text, None, "", "a folder without club.toml", "the folder of an instance")])
    except OSError:
        pass
    raise InstanceError([Problem("instance", None, "", shown(text), "a shipped name or the path of a folder", did_you_mean(text, names()))])


def new(name: str, source: str | Path, target_dir: str | Path = ".") -> Path:
    """Copy an instance to a new folder, as a start for one's own.

    Args:
        name: name of the copy: letters, digits, _ and -.
        source: shipped name or path of the instance to copy.
        target_dir: folder in which the copy is made.

    Returns:
        The folder of the copy.

    Raises:
        InstanceError: if the name is no plain name, the source is no instance or the target exists.
    """
    if not _NAME.fullmatch(name):
        raise InstanceError([Problem("name", None, "", shown(name), "letters, digits, _ and -", "Give the folder with the target directory.")])
    folder = resolve(source)
    target = Path(target_dir) / name
    if target.exists() or target.is_symlink():
        raise InstanceError([Problem(str(target), None, "", "something that exists", "a new folder", "Choose another name.")])
    target.mkdir(parents=True)
    inside = folder.resolve()
    for path in sorted(folder.iterdir()):
        if path.suffix in _COPIED and path.is_file() and path.resolve().is_relative_to(inside):
            shutil.copyfile(path, target / path.name)
    club = target / CLUB_FILE
    club.write_text(re.sub(r'(?m)^name\s*=\s*(["\']).*?\1', f'name = "{name}"', club.read_text(encoding="utf-8-sig"), count=1), encoding="utf-8")
    return target
