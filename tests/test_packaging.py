"""What is installed, what it needs, and which module may import which."""

import ast
import email
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest

import microgrid

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    path.relative_to(ROOT) for package in ("microgrid", "titanic") for path in ROOT.glob(f"{package}/*.py")
)
DATA = ["microgrid/page.html", "microgrid/py.typed", "titanic/py.typed", "titanic/passengers.csv"]

# What each module of microgrid may import of microgrid, wherever in it the import stands.
ENGINE = {"value"}
WINDOWS = {"steps", "drawing", "unrolling"}
MAY_IMPORT = {
    "value": set(),
    "nn": ENGINE,
    "names": ENGINE,
    "checking": ENGINE | {"names"},
    "steps": ENGINE | {"names"},
    "drawing": ENGINE | {"names"},
    "unrolling": ENGINE | {"names"},
    "files": set(),
    "debugger": ENGINE | {"names", "files"} | WINDOWS,
    "page": ENGINE | {"names", "files"} | WINDOWS,
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as built from the sdist, which is built from a copy: building leaves traces."""
    folder = tmp_path_factory.mktemp("packaging")
    leftovers = shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__", "titanic-out")
    shutil.copytree(ROOT, folder / "checkout", ignore=leftovers)
    command = [
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--outdir",
        str(folder),
        str(folder / "checkout"),
    ]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "Warning" not in built.stdout + built.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    """The wheel's METADATA."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_the_wheel_holds_the_two_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        installed = [name for name in archive.namelist() if ".dist-info/" not in name]
    assert sorted(installed) == sorted([*map(Path.as_posix, MODULES), *DATA])


def test_the_sdist_holds_tests_and_docs_too(wheel: Path) -> None:
    with tarfile.open(next(wheel.parent.glob("*.tar.gz"))) as archive:
        packed = {Path(*Path(name).parts[1:]).as_posix() for name in archive.getnames()}
    sources = [*ROOT.glob("tests/**/*.py"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("docs/pictures/*")]
    expected = {path.relative_to(ROOT).as_posix() for path in sources} | {"Makefile", "README.md", "LICENSE"}
    assert expected | {*map(Path.as_posix, MODULES), *DATA} <= packed
    assert not [name for name in packed if name.endswith(".pyc")]


def test_without_an_extra_the_graphviz_package_is_all_that_comes_along(metadata: Message) -> None:
    requirements = metadata.get_all("Requires-Dist", [])
    assert [requirement for requirement in requirements if "extra ==" not in requirement] == ["graphviz"]


def test_the_metadata_says_python_licence_and_extras(metadata: Message) -> None:
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License-Expression"] == "MIT"
    assert metadata["License-File"] == "LICENSE"
    assert metadata.get_all("Provides-Extra") == ["titanic", "torch", "test", "bench"]


def test_every_module_can_be_imported_where_there_is_the_standard_library_alone(
    wheel: Path, tmp_path: Path
) -> None:
    names = [".".join(path.with_suffix("").parts) for path in MODULES]
    program = f"import sys; sys.path.insert(0, {str(wheel)!r}); import {', '.join(names)}"
    # -I and -S: neither this folder nor any installed package can be imported.
    command = [sys.executable, "-I", "-S", "-c", program]
    imported = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert imported.returncode == 0, imported.stderr


def test_each_module_of_microgrid_imports_only_what_stands_below_it() -> None:
    modules = {
        path.stem: set(imported_modules(path))
        for path in ROOT.glob("microgrid/*.py")
        if path.stem != "__init__"
    }
    wrong = {
        f"{module} imports {imported}"
        for module, imports in modules.items()
        for imported in imports
        if imported.split(".")[0] in {"microgrid", "titanic"}
        and imported not in {f"microgrid.{allowed}" for allowed in MAY_IMPORT[module]}
    }
    assert not wrong


def imported_modules(path: Path) -> Iterator[str]:
    """The full names of the modules that a module imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}, line {node.lineno}: a relative import"
            assert node.module
            yield node.module


def test_every_public_name_is_there_when_it_is_asked_for() -> None:
    names = microgrid.__all__
    assert set(names) <= set(dir(microgrid))
    assert {name for name in names if getattr(microgrid, name).__name__ != name} == set()


def test_importing_the_engine_loads_none_of_the_windows() -> None:
    code = (
        "import sys, microgrid; print(*sorted(name for name in sys.modules if name.startswith('microgrid')))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.split() == ["microgrid", "microgrid.value"]
