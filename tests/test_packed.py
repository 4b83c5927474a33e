"""Stepwell without source files: inside a zip, as bytecode alone, or packed into an application."""

from __future__ import annotations

import compileall
import importlib
import importlib.machinery
import importlib.util
import json
import os
import runpy
import shutil
import subprocess
import sys
import tomllib
import types
import zipfile
from pathlib import Path
from typing import Any

import pytest

from stepwell.errors import ConfigError, UnknownProvider
from stepwell.providers import BUILT_IN, WIRES
from stepwell.providers.declare import from_catalog as from_catalog_module
from stepwell.providers.declare.from_catalog import from_catalog, wire_named
from stepwell.providers.declare.registry import Registry

ROOT = Path(__file__).parent.parent
LAYERS = ("schemas", "pipeline", "providers", "model_metadata")
# Everything that is found by name or read from a file, as one line of JSON.
LOOK = """
import json, sys
import stepwell
from stepwell.providers import BUILT_IN
from stepwell.providers.declare.registry import REGISTRY
from stepwell.model_metadata.catalog import CATALOG
print(json.dumps({
    "home": stepwell.__file__,
    "ids": REGISTRY.ids(),
    "providers": {id: [REGISTRY.get_or_raise(id).source, [wire.name for wire in REGISTRY.get_or_raise(id).wires]]
                  for id in [*BUILT_IN, "deepinfra"]},
    "catalog": [[row.id, len(CATALOG.ids(row.id))] for row in CATALOG.providers() if row.id < "c"],
    "patched": CATALOG.get("openai:gpt-4o").wire,
    "own": CATALOG.ids("local"),
    "origins": "stepwell/providers" in stepwell.pipeline_for("openai:gpt-4o").describe(),
}))
"""


def files_of_the_package() -> dict[str, Path]:
    """Map each file's name in the wheel to the file."""
    tops = [(ROOT / "stepwell", "stepwell"), *((ROOT / layer, f"stepwell/{layer}") for layer in LAYERS)]
    return {
        f"{name}/{path.relative_to(top).as_posix()}": path
        for top, name in tops
        for path in top.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Lay the package out as a wheel does."""
    folder = tmp_path_factory.mktemp("tree")
    for name, path in files_of_the_package().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / name)
    return folder


def look_from(place: Path) -> dict[str, Any]:
    """Run LOOK with the package imported from `place` alone, and return its output."""
    code = f"import sys; sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f)]\n{LOOK}"
    environment = {**os.environ, "PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd="/")
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    assert seen.pop("home").startswith(str(place))
    return seen


@pytest.fixture(scope="module")
def from_files(tree: Path) -> dict[str, Any]:
    return look_from(tree)


@pytest.mark.usefixtures("new_process")
def test_from_a_zip_all_is_found_that_is_found_in_files(tree: Path, tmp_path: Path, from_files: dict[str, Any]) -> None:
    packed = tmp_path / "app.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in tree.rglob("*"):
            archive.write(path, path.relative_to(tree))
    assert look_from(packed) == from_files


@pytest.mark.usefixtures("new_process")
def test_from_bytecode_alone_all_is_found_that_is_found_in_files(
    tree: Path, tmp_path: Path, from_files: dict[str, Any]
) -> None:
    place = tmp_path / "compiled"
    shutil.copytree(tree, place)
    compileall.compile_dir(place, legacy=True, quiet=2, workers=1)
    for path in place.rglob("*.py"):
        path.unlink()
    assert look_from(place) == from_files


def test_the_table_of_providers_names_every_module_of_the_package() -> None:
    home = ROOT / "providers"
    here = {path.stem for path in home.glob("*.py")} - {"__init__"}
    here |= {path.parent.name for path in home.glob("*/provider.py")} - {"declare"}
    assert here == BUILT_IN, (
        f"in providers/__init__.py, add {sorted(here - BUILT_IN)} to BUILT_IN and remove {sorted(BUILT_IN - here)}"
    )


def test_the_table_of_wires_names_every_wire_of_the_package() -> None:
    home = ROOT / "providers" / "wires"
    here = {path.parent.name for path in home.glob("*/samples.py")}
    assert here == WIRES, (
        f"in providers/__init__.py, add {sorted(here - WIRES)} to WIRES and remove {sorted(WIRES - here)}"
    )


@pytest.mark.parametrize("id", sorted(BUILT_IN))
def test_a_built_in_without_its_module_is_an_error_and_never_another_provider(
    id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, f"stepwell.providers.{id}", None)  # import says that there is no such module
    registry = Registry()
    with pytest.raises(ConfigError, match=f"provider '{id}' is part of stepwell, and cannot be imported") as caught:
        registry.get(id)
    assert "--collect-submodules stepwell" in str(caught.value)
    assert registry.knows(id) and id in registry.ids()


def test_a_built_in_that_fails_at_its_import_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    emptied = importlib.util.module_from_spec(importlib.machinery.ModuleSpec("stepwell.providers.openai", None))
    monkeypatch.setitem(sys.modules, "stepwell.providers.openai", emptied)
    with pytest.raises(ConfigError, match="provider 'openai' is part of stepwell"):
        Registry().get("openai")


@pytest.mark.parametrize("wire", sorted(WIRES))
def test_a_wire_without_its_module_is_an_error_and_never_left_out(wire: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from_catalog_module._wire.cache_clear()
    monkeypatch.setitem(sys.modules, f"stepwell.providers.wires.{wire}", None)
    with pytest.raises(ConfigError, match=f"the wire '{wire}' is part of stepwell"):
        wire_named(wire)
    assert wire_named("of_nobody") is None


def test_nothing_takes_the_place_of_a_plugin_that_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        name, value, dist = "deepinfra", "deepinfra_plugin:provider", None

        def load(self) -> Any:
            raise ImportError("no module named 'gone'")

    assert from_catalog("deepinfra") is not None
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [Broken()])
    registry = Registry()
    assert registry.get("deepinfra") is None
    with pytest.raises(UnknownProvider, match=r"'deepinfra', deepinfra_plugin:provider, cannot be loaded.*'gone'"):
        registry.get_or_raise("deepinfra")


@pytest.mark.usefixtures("new_process")
def test_a_missing_catalog_in_a_packed_application_is_an_error_with_a_hint(tree: Path, tmp_path: Path) -> None:
    packed = tmp_path / "app.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for path in tree.rglob("*.py"):
            archive.write(path, path.relative_to(tree))
    with pytest.raises(AssertionError, match=r"ConfigError: cannot read .*index.json.*--collect-data stepwell"):
        look_from(packed)


def test_pyinstaller_is_reported_of_every_module_and_data_file(monkeypatch: pytest.MonkeyPatch) -> None:
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["pyinstaller40"]
    home, _, function = points["hook-dirs"].partition(":")
    (folder,) = getattr(importlib.import_module(home), function)()
    if importlib.util.find_spec("PyInstaller") is None:  # no dependency of the tests: two of its functions, in short
        hooks = types.ModuleType("PyInstaller.utils.hooks")
        names = [name for name in files_of_the_package() if name.endswith(".py")]
        modules = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in names}
        data = [(name, os.path.dirname(name)) for name in files_of_the_package() if not name.endswith(".py")]
        hooks.collect_submodules = lambda package, filter: [m for m in modules if filter(m)]  # type: ignore[attr-defined]
        hooks.collect_data_files = lambda package: data  # type: ignore[attr-defined]
        for name in ("PyInstaller", "PyInstaller.utils"):
            monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
        monkeypatch.setitem(sys.modules, "PyInstaller.utils.hooks", hooks)
    reported = runpy.run_path(str(Path(folder, "hook-stepwell.py")))
    assert {f"stepwell.providers.{id}" for id in BUILT_IN} <= set(reported["hiddenimports"])
    assert not [name for name in reported["hiddenimports"] if name.startswith("stepwell.integrations.")]
    assert [place for _, place in reported["datas"] if place.endswith("stepwell/model_metadata/patches")]
