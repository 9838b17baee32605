"""bootstrap.py: what it does without the network, and the one-line errors."""

import ast
import subprocess
import sys
import types
from pathlib import Path

import pytest

from minclub import bootstrap


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point bootstrap at an empty checkout with a lock and a project file."""
    (tmp_path / "requirements.lock").write_text("# lock\nnumpy==1 --hash=sha256:0\n", encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    paths = {"ROOT": "", "VENV": ".venv", "LINK": ".venv/dev/minclub", "STAMP": ".venv/minclub.stamp", "LOCK": "requirements.lock", "WHEELHOUSE": "wheelhouse"}
    for name, relative in paths.items():
        monkeypatch.setattr(bootstrap, name, tmp_path / relative)
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    return tmp_path


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Record setup commands instead of running them."""
    seen: list[list[str]] = []
    monkeypatch.setattr(bootstrap, "call", lambda command, what: seen.append(command))
    return seen


def test_imports_only_the_standard_library(root: Path) -> None:
    tree = ast.parse((root / "bootstrap.py").read_text(encoding="utf-8"))
    tops = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            tops |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            tops.add((node.module or "").split(".")[0])
    assert tops <= sys.stdlib_module_names | {"__future__"}


def test_old_python_can_read_it_and_is_told(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ast.parse((root / "bootstrap.py").read_text(encoding="utf-8"), feature_version=(3, 8))
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2, "final", 0))
    monkeypatch.setattr(bootstrap, "venv_version", lambda: None)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    assert bootstrap.main(["setup"]) == 2
    assert capsys.readouterr().err == "bootstrap: error: Python 3.11 to 3.13 is needed, this is 3.9.2: install one and run it on this file\n"


def test_newer_python_hands_over_to_a_supported_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 14, 0, "final", 0))
    monkeypatch.setattr(bootstrap, "venv_version", lambda: None)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: "/bin/py12" if name == "python3.12" else None)
    seen: list[list[str]] = []

    def run(command: list[str], **_: object) -> types.SimpleNamespace:
        seen.append(command)
        return types.SimpleNamespace(returncode=7 if len(seen) == 2 else 0)

    monkeypatch.setattr(bootstrap.subprocess, "run", run)
    with pytest.raises(SystemExit) as end:
        bootstrap.main(["test", "-k", "x"])
    assert end.value.code == 7
    assert seen[1][0] == "/bin/py12"
    assert seen[1][2:] == ["test", "-k", "x"]


def test_missing_ensurepip_names_the_package(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(bootstrap.SetupError, match=r"apt install python3\.\d+-venv"):
        bootstrap.make_venv(with_pip=True)


def test_missing_lock_is_one_line(checkout: Path) -> None:
    (checkout / "requirements.lock").unlink()
    with pytest.raises(bootstrap.SetupError, match="not a complete checkout"):
        bootstrap.setup()


def test_a_file_named_venv_is_left_alone(checkout: Path) -> None:
    (checkout / ".venv").write_text("mine", encoding="utf-8")
    with pytest.raises(bootstrap.SetupError, match="move it away"):
        bootstrap.make_venv(with_pip=False)
    assert (checkout / ".venv").read_text(encoding="utf-8") == "mine"


def test_setup_installs_once_and_again_after_a_change(checkout: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: "/bin/uv" if name == "uv" else None)
    monkeypatch.setattr(bootstrap, "venv_version", lambda: "3.11.7")
    bootstrap.setup()
    assert len(commands) == 2
    lock, project = commands
    assert {"--require-hashes", "--only-binary=:all:", str(checkout / "requirements.lock")} <= set(lock)
    assert {"--no-build-isolation", "--no-deps", "-e", str(checkout)} <= set(project)
    assert "--no-index" not in lock
    assert bootstrap.points_here(checkout / ".venv" / "dev" / "minclub")
    bootstrap.setup()
    assert len(commands) == 2
    (checkout / "requirements.lock").write_text("numpy==2 --hash=sha256:1\n", encoding="utf-8")
    bootstrap.setup()
    assert len(commands) == 4
    monkeypatch.setattr(bootstrap, "venv_version", lambda: "3.12.1")
    bootstrap.setup()
    assert len(commands) == 6


def test_wheelhouse_replaces_the_network(checkout: Path, commands: list[list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / "wheelhouse").mkdir()
    bootstrap.install_all("/bin/uv", fetch=False)
    assert len(commands) == 2
    for command in commands:
        assert command[command.index("--no-index") :][:3] == ["--no-index", "--find-links", str(checkout / "wheelhouse")]


def test_failing_setup_step_is_named(checkout: Path) -> None:
    with pytest.raises(bootstrap.SetupError, match="trying failed with exit code 3"):
        bootstrap.call([sys.executable, "-c", "raise SystemExit(3)"], "trying")
    with pytest.raises(bootstrap.SetupError, match="trying could not start"):
        bootstrap.call([str(checkout / "nothing")], "trying")


def test_children_do_not_see_other_installations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("PIP_TARGET", "elsewhere")
    env = bootstrap.child_env()
    assert "elsewhere" not in env.values()
    assert env["PATH"].startswith(str(bootstrap.BIN))


@pytest.mark.parametrize(("codes", "expected"), [((0, 0, 0, 0), 0), ((1, 0, 0, 0), 1), ((0, 2, 0, 0), 2), ((0, 0, 0, 5), 5), ((1, 1, 1, 0), 1)])
def test_all_checks_run_and_pytest_is_last(monkeypatch: pytest.MonkeyPatch, codes: tuple[int, ...], expected: int) -> None:
    seen: list[list[str]] = []

    def run(arguments: list[str]) -> int:
        seen.append(arguments)
        return codes[len(seen) - 1]

    monkeypatch.setattr(bootstrap, "run", run)
    assert bootstrap.run_task("test", ["-k", "x"]) == expected
    assert [arguments[1] for arguments in seen] == ["ruff", "mypy", "mypy", "pytest"]
    assert seen[-1] == ["-m", "pytest", "-m", "not slow", "-k", "x"]


def test_every_task_is_in_the_makefile(root: Path) -> None:
    line = next(line for line in (root / "Makefile").read_text(encoding="utf-8").splitlines() if line.startswith("TASKS"))
    assert set(line.split("=")[1].split()) == set(bootstrap.TASKS)


def test_help_lists_the_tasks(root: Path) -> None:
    result = subprocess.run([sys.executable, str(root / "bootstrap.py"), "--help"], capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0
    assert all(f"  {task} " in result.stdout for task in bootstrap.TASKS)


def test_unknown_task_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        bootstrap.main(["nonsense"])
    assert end.value.code == 2
    assert "invalid choice" in capsys.readouterr().err
