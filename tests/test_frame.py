"""The frame: import directions, lazy loading, wheel contents, lock, texts that must not be in the tree."""

import ast
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import minclub

ROOMS = ("instances", "models", "solvers", "reports", "cli")
HEAVY = ("pyomo", "pandas", "altair", "scipy", "highspy", "vl_convert", "numpy")
NOT_SHIPPED = {"tests", "docs", "benchmarks", "build", "dist", "site", "wheelhouse"}


def tracked(root: Path) -> list[Path]:
    """Return the files under version control, or all files of a source archive that is not a repository."""
    listing = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True, text=True, check=False)
    if listing.returncode == 0 and listing.stdout:
        return [root / name for name in listing.stdout.split("\0") if name and (root / name).is_file()]
    hidden = {".venv", ".git", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "site", "build", "dist", "wheelhouse"}
    return [path for path in root.rglob("*") if path.is_file() and not hidden & set(path.relative_to(root).parts)]


def room_sources(root: Path) -> Iterator[tuple[str, Path, ast.Module]]:
    """Yield room, path and syntax tree of each source file of the rooms."""
    for room in ROOMS:
        for path in sorted((root / room).rglob("*.py")):
            yield room, path, ast.parse(path.read_text(encoding="utf-8"), str(path))


def imported(tree: ast.Module, package: tuple[str, ...]) -> Iterator[str]:
    """Yield the full dotted name of each thing that a module of ``package`` imports, anywhere in its code.

    ``from ..models import finance`` in ``minclub.solvers`` gives ``minclub.models.finance``.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*start, *([node.module] if node.module else [])))
            yield from (f"{base}.{alias.name}" for alias in node.names)


def package_of(root: Path, path: Path) -> tuple[str, ...]:
    """Return the package that holds a source file."""
    return ("minclub", *path.relative_to(root).parent.parts)


def run_python(code: str, cwd: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter."""
    return subprocess.run([sys.executable, *flags, "-c", code], cwd=cwd, capture_output=True, text=True, check=False, timeout=120)


# --- imports ------------------------------------------------------------------------------------------------------------


def test_imported_names_relative_imports_fully() -> None:
    tree = ast.parse("from ..models import finance\nfrom . import x\nfrom ...a.b import c\nimport numpy as np\ndef f():\n    from pandas import DataFrame")
    names = set(imported(tree, ("minclub", "solvers", "deep")))
    assert names == {"minclub.solvers.models.finance", "minclub.solvers.deep.x", "minclub.a.b.c", "numpy", "pandas.DataFrame"}


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_import_only_downwards(root: Path, room: str) -> None:
    allowed = set(ROOMS[: ROOMS.index(room) + 1])
    sources = [(path, tree) for name, path, tree in room_sources(root) if name == room]
    assert sources
    wrong = []
    for path, tree in sources:
        for name in imported(tree, package_of(root, path)):
            parts = name.split(".")
            if parts[0] == "minclub" and len(parts) > 1 and parts[1] in ROOMS and parts[1] not in allowed:
                wrong.append(f"{path.relative_to(root)} imports {name}")
    assert not wrong


def test_rooms_import_each_other_relatively(root: Path) -> None:
    wrong = []
    for _, path, tree in room_sources(root):
        for node in ast.walk(tree):
            named = node.module if isinstance(node, ast.ImportFrom) and node.level == 0 else None
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [named or ""]
            wrong += [f"{path.relative_to(root)} imports {name}" for name in names if name.split(".")[0] in {"minclub", *ROOMS}]
    assert not wrong


def test_audit_imports_only_instances_and_numpy(root: Path) -> None:
    """C32: the second computation shares no code with the first."""
    paths = [root / "solvers" / "audit.py", *sorted((root / "solvers").glob("audit_*.py"))]
    outside = sys.stdlib_module_names
    wrong = []
    for path in paths:
        for name in imported(ast.parse(path.read_text(encoding="utf-8")), ("minclub", "solvers")):
            top = name.split(".")[0]
            own = name.startswith(("minclub.instances.", "minclub.solvers.audit_"))
            if not (own or top == "numpy" or top in outside):
                wrong.append(f"{path.name} imports {name}")
    assert not wrong


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_no_top_level_package(root: Path, room: str) -> None:
    result = run_python(f"import {room}", root)
    assert result.returncode == 1
    assert "attempted relative import beyond top-level package" in result.stderr


@pytest.mark.parametrize("module", ["minclub", "minclub.cli", "minclub.cli.main", "minclub.cli.doctor", "minclub.models"])
def test_starting_imports_nothing_heavy(root: Path, tmp_path: Path, module: str) -> None:
    result = run_python(f"import sys, {module}; print(*sorted({set(HEAVY)!r} & set(sys.modules)))", tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == ""


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\nsys.argv = ['minclub', '--help']\nfrom minclub.cli.main import main\n"
        f"try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\nprint('heavy:', *sorted({set(HEAVY)!r} & set(sys.modules)))"
    )
    result = run_python(code, tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].strip() == "heavy:"
    assert "solve" in result.stdout


# --- public names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", minclub.__all__)
def test_public_name_loads(name: str) -> None:
    value = getattr(minclub, name)
    assert isinstance(value, str) or callable(value) or value.__name__ == f"minclub.{name}"


@pytest.mark.parametrize("path", ["models.finance", "models.contracts", "instances.loader", "solvers.highs"])
def test_submodules_are_attributes(tmp_path: Path, path: str) -> None:
    result = run_python(f"import minclub as mc; print(mc.{path}.__name__)", tmp_path)
    assert result.stdout.strip() == f"minclub.{path}", result.stderr


def test_the_root_exists_once(root: Path) -> None:
    """A second copy under the name of the clone's folder would have classes of its own."""
    files = {name: getattr(module, "__file__", None) for name, module in list(sys.modules.items())}
    assert [name for name, file in files.items() if file and Path(file) == root / "__init__.py"] == ["minclub"]


def test_unknown_names_are_attribute_errors() -> None:
    for owner in (minclub, minclub.models):
        with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
            _ = owner.nonsense


def test_version_is_the_same_everywhere(root: Path) -> None:
    declared = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    citation = re.search(r"^version: *\"?([\d.]+)", (root / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    changes = re.search(r"^## ([\d.]+)", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert citation is not None
    assert changes is not None
    assert {minclub.__version__, citation[1], changes[1]} == {declared}


# --- lock ---------------------------------------------------------------------------------------------------------------


def locked(path: Path) -> dict[str, Version]:
    """Return the pinned version of each package of a lock."""
    pins = re.findall(r"^([a-z0-9][a-z0-9-]*)==(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: Version(version) for name, version in pins}


def test_locks_hold_what_pyproject_asks_for(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    pins = locked(root / "requirements.lock")
    wanted = [(text, pins) for text in [*project["dependencies"], *extras["dev"], *extras["docs"]]]
    wanted += [(text, locked(root / "requirements-bench.lock")) for text in extras["bench"]]
    for text, lock in wanted:
        requirement = Requirement(text)
        assert requirement.name in lock, f"{requirement.name} is not locked"
        assert lock[requirement.name] in requirement.specifier, f"{text} against {lock[requirement.name]}"


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-bench.lock"])
def test_every_locked_package_is_hashed(root: Path, name: str) -> None:
    text = (root / name).read_text(encoding="utf-8")
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert blocks
    assert [block.split()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in text


# --- texts --------------------------------------------------------------------------------------------------------------

FORBIDDEN = {
    "a path of one machine": r"(?<![\w.:/-])/(?:work|root|home/[a-z]+|Users/[A-Za-z]+)(?:/|\b)",
    "an address of a package registry": r"(?:[\w-]+\.)*(?:pypi|pythonhosted|npmjs|artifactory|jfrog)\.(?:org|com|io)|/simple/|/api/pypi",
    "an index option": r"--(?:extra-)?index-url[ =]|--trusted-host",
    "a secret": r"-----BEGIN [A-Z ]*PRIVATE KEY|\bgh[pousr]_[A-Za-z0-9]{20,}|\bAKIA[A-Z0-9]{16}\b",
}


def forbidden_words(text: str) -> list[str]:
    """Return what a text should not name, with the line."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        found += [f"line {number}: {what}" for what, pattern in FORBIDDEN.items() if re.search(pattern, line)]
    return found


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("see " + "/wo" + "rk/main/x.csv", "a path of one machine"),
        ("cd /ro" + "ot", "a path of one machine"),
        ("https://py" + "pi.org/simple", "an address of a package registry"),
        ("--index" + "-url x", "an index option"),
    ],
)
def test_forbidden_words_are_found(text: str, what: str) -> None:
    assert f"line 1: {what}" in forbidden_words(text)


def test_ordinary_text_is_not_forbidden() -> None:
    assert forbidden_words("mine/tree, https://example.org" + "/wo" + "rk/paper, a/root, n" + "/wo" + "rk, USD/t, --no-emit-index-url") == []


def test_tree_names_no_private_place(root: Path) -> None:
    this = Path(__file__).resolve()
    wrong = []
    for path in tracked(root):
        if path.resolve() == this or path.suffix in {".png", ".pdf", ".ico", ".woff2"}:
            continue
        wrong += [f"{path.relative_to(root)} {found}" for found in forbidden_words(path.read_text(encoding="utf-8", errors="replace"))]
    assert not wrong


# --- wheel --------------------------------------------------------------------------------------------------------------


def shipped(root: Path) -> set[str]:
    """Return the names that a wheel should hold: all modules, the typing marker, the data of the rooms."""
    names = set()
    for path in tracked(root):
        parts = path.relative_to(root).parts
        if parts[0] in NOT_SHIPPED or parts[0].startswith("."):
            continue
        data = parts[0] in ROOMS and path.name != ".gitkeep"
        if path.suffix == ".py" or path.name == "py.typed" or data:
            names.add("/".join(("minclub", *parts)))
    return names


@pytest.mark.slow
def test_wheel_holds_the_tree(root: Path, tmp_path: Path) -> None:
    source = tmp_path / "source of any name"
    for path in tracked(root):
        target = source / path.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    built = run_python(f"from setuptools.build_meta import build_wheel; build_wheel({str(tmp_path)!r})", source)
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("minclub-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert inside == shipped(root)
