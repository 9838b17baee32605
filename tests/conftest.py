"""Shared fixtures; refuses to test a copy of minclub that is not this checkout."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

import minclub

ROOT = Path(__file__).resolve().parent.parent

if Path(minclub.__file__).resolve().parent != ROOT:
    pytest.exit(f"the tests of {ROOT} would run against {minclub.__file__}; run 'python bootstrap.py setup' in this checkout", returncode=4)


class RootIsAFolder:
    """Keep pytest from importing the root's ``__init__.py`` under the name of the clone's folder, which need not be a name."""

    def pytest_collect_directory(self, path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Collect the root as a folder; leave every other one to pytest."""
        return pytest.Dir.from_parent(parent, path=path) if path == ROOT else None


def pytest_configure(config: pytest.Config) -> None:
    """Register the hook for the whole run, since hooks of this file itself hold only below ``tests/``; leave the user's cache alone."""
    config.pluginmanager.register(RootIsAFolder())
    scratch = TemporaryDirectory(prefix="minclub-cache-")
    config.add_cleanup(scratch.cleanup)
    os.environ["MINCLUB_CACHE_DIR"] = scratch.name


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is about POSIX systems on all others."""
    if os.name == "posix":
        return
    left = [item for item in items if item.get_closest_marker("posix")]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> None:
    """Give every test a cache of its own, which is made when it is used: one that changes the program must not leave results to others."""
    monkeypatch.setenv("MINCLUB_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "caches" / str(abs(hash(request.node.nodeid)))))


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the root of the checkout."""
    return ROOT
