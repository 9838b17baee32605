"""Lazy attributes for packages (PEP 562)."""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec


def attributes(package: str, names: Mapping[str, str] | None = None) -> Callable[[str], object]:
    """Return a module-level ``__getattr__`` that loads submodules and public names on first use.

    Args:
        package: Full name of the package, its ``__name__``.
        names: Public name -> ``".module:attribute"``, relative to the package.

    Returns:
        A function that raises ``AttributeError`` for a name that is neither public nor a submodule.
    """
    targets = dict(names or {})

    def load(name: str) -> object:
        """Return the public name or submodule ``name``."""
        if name in targets:
            module, attribute = targets[name].split(":")
            return getattr(import_module(module, package), attribute)
        if not name.startswith("__") and find_spec(f"{package}.{name}") is not None:
            return import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return load
