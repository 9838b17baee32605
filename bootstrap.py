"""Set up minclub in this checkout and run its tasks: ``python bootstrap.py TASK [arguments]``.

Standard library only. The first run makes ``.venv``, installs the hashed lock (wheels only), installs this checkout in
editable mode and leaves a stamp; later runs start at once. uv is used if it is on the PATH (``MINCLUB_UV=1`` fetches it),
else pip. With a folder ``wheelhouse/`` beside this file nothing is downloaded.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
LINK = VENV / "dev" / "minclub"
STAMP = VENV / "minclub.stamp"
LOCK = ROOT / "requirements.lock"
BENCH_LOCK = ROOT / "requirements-bench.lock"
WHEELHOUSE = ROOT / "wheelhouse"
OLDEST, NEWEST = (3, 11), (3, 13)
UV_PIN = "uv==0.13.9"

TASKS = {
    "setup": "make .venv, install the lock and this checkout",
    "demo": "solve the shipped instance usmca, show its tables, write design.json",
    "test": "ruff, mypy and the fast tests",
    "test-all": "ruff, mypy and all tests",
    "docs": "build the documentation into site/",
    "bench": "run the benchmarks",
    "picture": "solve the shipped instance and write its pages, pictures and design",
}


class SetupError(Exception):
    """A condition that the user can cure; the message is one line."""


def say(text: str) -> None:
    """Print one line of progress on standard error."""
    print(f"bootstrap: {text}", file=sys.stderr, flush=True)


def main(argv: list[str] | None = None) -> int:
    """Parse the command line, set up if needed and run one task.

    Args:
        argv: Arguments without the program name; ``sys.argv[1:]`` if ``None``.

    Returns:
        The exit code of the task; 2 if the setup cannot be done; 130 if interrupted.
    """
    lines = "\n".join(f"  {name:9} {text}" for name, text in TASKS.items())
    parser = argparse.ArgumentParser(
        prog="bootstrap.py",
        description=f"tasks:\n{lines}\n\nFurther arguments go to the task (pytest for test and test-all).",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("task", choices=list(TASKS), metavar="TASK")
    task, extra = parser.parse_known_args(argv)
    try:
        ensure_python(argv)
        setup()
        return run_task(task.task, extra)
    except SetupError as error:
        say(f"error: {error}")
        return 2
    except KeyboardInterrupt:
        say("interrupted")
        return 130


# --- Python and the virtual environment ---------------------------------------------------------------------------------


def ensure_python(argv: list[str] | None) -> None:
    """Continue in a supported Python, or raise ``SetupError`` if there is none.

    A ``.venv`` that works decides by itself, whatever interpreter runs this file.
    """
    if OLDEST <= sys.version_info[:2] <= NEWEST or venv_version() is not None:
        return
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        other = shutil.which(f"python3.{minor}")
        if other and subprocess.run([other, "-c", ""], capture_output=True, check=False).returncode == 0:
            say(f"Python {python_text(sys.version_info[:3])} is not supported; continuing with {other}")
            arguments = sys.argv[1:] if argv is None else argv
            raise SystemExit(subprocess.run([other, str(Path(__file__).resolve()), *arguments], check=False).returncode)
    raise SetupError(
        f"Python {python_text(OLDEST)} to {python_text(NEWEST)} is needed, this is {python_text(sys.version_info[:3])}: "
        f"install one and run it on this file"
    )


def python_text(version: tuple[int, ...]) -> str:
    """Return ``(3, 11)`` as ``"3.11"``."""
    return ".".join(map(str, version))


def venv_version() -> str | None:
    """Return the Python version of a working ``.venv``, ``None`` if it is missing, broken or unsupported."""
    if not PYTHON.exists():
        return None
    code = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
    try:
        result = subprocess.run([str(PYTHON), "-c", code], capture_output=True, text=True, check=False, env=child_env())
    except OSError:
        return None
    version = result.stdout.strip()
    if result.returncode != 0 or not version:
        return None
    return version if OLDEST <= tuple(map(int, version.split(".")[:2])) <= NEWEST else None


def child_env() -> dict[str, str]:
    """Return the environment for child processes, without settings that would mix in other installations."""
    dropped = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX", "PIP_REQUIRE_HASHES", "PIP_TARGET", "PIP_USER", "PIP_PREFIX"}
    env = {key: value for key, value in os.environ.items() if key.upper() not in dropped}
    env["PYTHONNOUSERSITE"] = "1"
    env["VIRTUAL_ENV"] = str(VENV)
    env["PATH"] = str(BIN) + os.pathsep + env.get("PATH", "")
    return env


def call(command: list[str], what: str) -> None:
    """Run one setup command; raise ``SetupError`` that names the failed step."""
    try:
        code = subprocess.run(command, cwd=ROOT, env=child_env(), check=False, stdin=subprocess.DEVNULL).returncode
    except OSError as error:
        raise SetupError(f"{what} could not start: {error}") from error
    if code != 0:
        raise SetupError(f"{what} failed with exit code {code}; its own message stands above")


# --- setup --------------------------------------------------------------------------------------------------------------


def setup() -> None:
    """Bring ``.venv`` in line with the lock and this checkout; do nothing if the stamp says it is."""
    if not LOCK.is_file():
        raise SetupError(f"{LOCK.name} is missing: this is not a complete checkout")
    version = venv_version()
    if version and STAMP.is_file() and STAMP.read_text(encoding="utf-8") == stamp(version) and points_here(LINK):
        return
    uv = shutil.which("uv")
    fetch = uv is None and os.environ.get("MINCLUB_UV") == "1"
    packages = sum(line[:1].isalnum() for line in LOCK.read_text(encoding="utf-8").splitlines())
    source = f"the folder {WHEELHOUSE.name}/" if WHEELHOUSE.is_dir() else "the package index"
    tool = "uv" if uv or fetch else "pip"
    first = f"keep .venv (Python {version})" if version else f"make .venv (Python {python_text(sys.version_info[:3])})"
    say(f"plan: {first}; install {packages} locked packages with {tool} from {source}; install this checkout; link {LINK.relative_to(ROOT)}")
    if version is None:
        make_venv(with_pip=uv is None)
    install_all(uv, fetch)
    make_link()
    STAMP.write_text(stamp(venv_version() or ""), encoding="utf-8")
    say("setup is complete")


def stamp(version: str) -> str:
    """Return the hash of all that the contents of ``.venv`` depend on."""
    digest = hashlib.sha256(f"{version}\n{ROOT}\n".encode())
    for path in (LOCK, ROOT / "pyproject.toml"):
        digest.update(path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def make_venv(with_pip: bool) -> None:
    """Make ``.venv`` anew; raise ``SetupError`` where Debian's venv package is missing."""
    if with_pip and importlib.util.find_spec("ensurepip") is None:
        raise SetupError(f"this Python has no ensurepip: install it (Debian, Ubuntu: apt install python{python_text(sys.version_info[:2])}-venv)")
    if VENV.is_symlink() or VENV.is_file():
        raise SetupError(f"{VENV} is not a folder: move it away")
    remove_link()
    try:
        venv.EnvBuilder(clear=True, with_pip=with_pip, symlinks=os.name != "nt").create(VENV)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(f"cannot make {VENV}: {error}") from error


def install_all(uv: str | None, fetch: bool) -> None:
    """Install the hashed lock, then this checkout in editable mode without its dependencies."""
    installer = install_command(uv)
    if fetch:
        call([*installer, "--only-binary=:all:", *offline(), UV_PIN], "fetching uv")
        installer = install_command(str(BIN / "uv"))
    install_lock(installer, LOCK, "installing the locked packages")
    call([*installer, "--no-build-isolation", "--no-deps", *offline(), "-e", str(ROOT)], "installing this checkout")


def install_lock(installer: list[str], lock: Path, what: str) -> None:
    """Install a hashed lock, wheels only."""
    call([*installer, "--only-binary=:all:", "--require-hashes", *offline(), "-r", str(lock)], what)


def install_command(uv: str | None) -> list[str]:
    """Return the start of an install command, for uv if there is one, else for pip, which is added if uv made ``.venv``."""
    if uv is not None:
        return [uv, "pip", "install", "--quiet", "--python", str(PYTHON)]
    if subprocess.run([str(PYTHON), "-m", "pip", "--version"], capture_output=True, check=False, env=child_env()).returncode != 0:
        call([str(PYTHON), "-m", "ensurepip", "--upgrade"], "adding pip to .venv")
    return [str(PYTHON), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]


def offline() -> list[str]:
    """Return the options that forbid the network where a wheelhouse exists."""
    return ["--no-index", "--find-links", str(WHEELHOUSE)] if WHEELHOUSE.is_dir() else []


def points_here(link: Path) -> bool:
    """Return whether ``link`` leads to this checkout."""
    return link.exists() and link.resolve() == ROOT


def remove_link() -> None:
    """Remove the link without touching what it points at."""
    if LINK.is_symlink():
        LINK.unlink()
    elif LINK.exists():
        os.rmdir(LINK)


def make_link() -> None:
    """Make ``.venv/dev/minclub`` lead to this checkout: type checkers see the package under its own name there."""
    if points_here(LINK):
        return
    LINK.parent.mkdir(parents=True, exist_ok=True)
    remove_link()
    try:
        if sys.platform == "win32":
            import _winapi

            _winapi.CreateJunction(str(ROOT), str(LINK))
        else:
            LINK.symlink_to(ROOT, target_is_directory=True)
    except OSError as error:
        raise SetupError(f"cannot link {LINK} to this checkout: {error}") from error


# --- tasks --------------------------------------------------------------------------------------------------------------


def run_task(task: str, extra: list[str]) -> int:
    """Run one task in ``.venv`` and return its exit code."""
    if task == "setup":
        return 0
    if task in ("test", "test-all"):
        return run_checks(extra if task == "test-all" else ["-m", "not slow", *extra])
    if task == "bench":
        install_lock(install_command(shutil.which("uv")), BENCH_LOCK, "installing the benchmark peers")
    commands = {
        "demo": ["-m", "minclub", "solve", "usmca", "-o", "design.json"],
        "docs": ["-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", "site"],
        "bench": ["benchmarks/run.py"],
        "picture": ["-m", "minclub.reports.front_page"],
    }
    return run([*commands[task], *extra])


def run(arguments: list[str]) -> int:
    """Run ``.venv``'s Python in the root of the checkout and return the exit code."""
    say(f"run: python {subprocess.list2cmdline(arguments)}")
    return subprocess.run([str(PYTHON), *arguments], cwd=ROOT, env=child_env(), check=False).returncode


def run_checks(pytest_arguments: list[str]) -> int:
    """Run ruff, mypy and pytest, all of them even if one fails; pytest's summary comes last.

    Returns:
        0 if all passed, else the exit code of the last check that failed.
    """
    checks = {"ruff": ["-m", "ruff", "check", "."], "mypy": ["-m", "mypy"], "mypy tests": ["-m", "mypy", "tests"]}
    codes = {name: run(arguments) for name, arguments in checks.items()}
    failed = [name for name, code in codes.items() if code != 0]
    say(f"failed: {', '.join(failed)}" if failed else "ruff and mypy passed")
    codes["pytest"] = run(["-m", "pytest", *pytest_arguments])
    return next((code for code in reversed(codes.values()) if code != 0), 0)


if __name__ == "__main__":
    raise SystemExit(main())
