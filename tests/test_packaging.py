"""What is installed, what it needs, and which module may import which."""

import ast
import doctest
import email
import graphlib
import re
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
from microgrid.page import SCRIPTS

ROOT = Path(__file__).parent.parent
MODULES = sorted(
    path.relative_to(ROOT) for package in ("microgrid", "titanic") for path in ROOT.glob(f"{package}/*.py")
)
DATA = [
    "microgrid/page.html",
    "microgrid/page.css",
    *(f"microgrid/{name}" for name in SCRIPTS),
    "microgrid/py.typed",
    "titanic/py.typed",
    "titanic/passengers.csv",
]


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
    sources = [
        *ROOT.glob("tests/**/*.py"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("docs/reference/*.md"),
        *ROOT.glob("docs/playground/[a-z]*.*"),
        *ROOT.glob("docs/playground/examples/*.py"),
        *ROOT.glob("docs/*.py"),
        *ROOT.glob("docs/pictures/*"),
        *ROOT.glob("docs/pages/*"),
        *ROOT.glob("*.md"),
    ]
    expected = {path.relative_to(ROOT).as_posix() for path in sources} | {"Makefile", "LICENSE", "mkdocs.yml"}
    assert expected | {*map(Path.as_posix, MODULES), *DATA} <= packed
    assert not [name for name in packed if name.endswith(".pyc") or "node_modules" in name]


def test_without_an_extra_the_graphviz_package_is_all_that_comes_along(metadata: Message) -> None:
    requirements = metadata.get_all("Requires-Dist", [])
    assert [requirement for requirement in requirements if "extra ==" not in requirement] == [
        "graphviz>=0.20"
    ]


def test_the_metadata_says_name_python_licence_and_extras(metadata: Message) -> None:
    assert metadata["Name"] == "microgrid-autograd"
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License-Expression"] == "MIT"
    assert metadata["License-File"] == "LICENSE"
    assert metadata.get_all("Provides-Extra") == ["titanic", "arrays", "torch", "test", "docs", "bench"]


def test_every_module_can_be_imported_where_there_is_the_standard_library_alone(
    wheel: Path, tmp_path: Path
) -> None:
    # picture.py is a subclass of what the graphviz package has, and imported when something is drawn.
    names = [".".join(path.with_suffix("").parts) for path in MODULES if path.stem != "picture"]
    program = f"import sys; sys.path.insert(0, {str(wheel)!r}); import {', '.join(names)}"
    # -I and -S: neither this folder nor any installed package can be imported.
    command = [sys.executable, "-I", "-S", "-c", program]
    imported = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert imported.returncode == 0, imported.stderr


# Which module imports which


def imports_of(path: Path) -> Iterator[tuple[str, str]]:
    """The full names of the modules that a module imports, anywhere in it, and the names taken from them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}, line {node.lineno}: a relative import"
            assert node.module
            for alias in node.names:
                is_module = Path(node.module.replace(".", "/"), f"{alias.name}.py") in MODULES
                yield (f"{node.module}.{alias.name}", "") if is_module else (node.module, alias.name)


def imported(package: str) -> dict[str, set[str]]:
    """Which modules of its package each module imports."""
    return {
        path.stem: {
            name.split(".")[1] for name, _ in imports_of(ROOT / path) if name.startswith(f"{package}.")
        }
        for path in MODULES
        if path.parent.name == package and path.stem != "__init__"
    }


def drawn() -> dict[str, set[str]]:
    """Which modules each module imports in the picture of docs/design.md."""
    names: dict[str, dict[str, list[str]]] = {}
    for example in doctest.DocTestParser().get_examples((ROOT / "docs" / "design.md").read_text("utf-8")):
        exec(example.source, names)
        if "imports" in names:
            break
    users = names["imports"]
    modules = {*users, *(user for there in users.values() for user in there)}
    return {module: {name for name, there in users.items() if module in there} for module in modules}


def test_the_picture_of_the_modules_shows_what_they_import_and_leaves_out_what_stands_further_left() -> None:
    imports, arrows = imported("microgrid"), drawn()
    assert arrows.keys() == imports.keys()
    further_left: dict[str, set[str]] = {}
    for module in graphlib.TopologicalSorter(arrows).static_order():
        further_left[module] = {
            below for other in arrows[module] for below in {*further_left[other], *arrows[other]}
        }
    for module, found in imports.items():
        assert found - further_left[module] == arrows[module], module


def test_imports_go_one_way_without_circles() -> None:
    for package in ("microgrid", "titanic"):
        graphlib.TopologicalSorter(imported(package)).prepare()
    for path in ROOT.glob("microgrid/*.py"):
        assert not [name for name, _ in imports_of(path) if name.startswith("titanic")], path.name


def test_a_name_with_an_underscore_is_used_in_its_own_module_only() -> None:
    for path in MODULES:
        for module, name in imports_of(ROOT / path):
            ours = module.split(".")[0] in {"microgrid", "titanic"}
            assert not (ours and re.search(r"\b_[a-z]", f"{module}.{name}")), f"{path} imports {name}"
        nodes = list(ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))))
        attributes = [node for node in nodes if isinstance(node, ast.Attribute)]
        pythons = [node for node in attributes if ast.unparse(node.value) in sys.stdlib_module_names]
        used = {node.attr for node in attributes if re.match(r"_[a-z]", node.attr) and node not in pythons}
        own = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        own |= {node.attr for node in attributes if isinstance(node.ctx, ast.Store)}
        assert used <= own, path


def test_design_md_says_what_each_module_is() -> None:
    text = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")
    for package in ("microgrid", "titanic"):
        (table,) = re.findall(rf"^\| module of {package} \|.*?\n\n", text, re.DOTALL | re.MULTILINE)
        named = re.findall(r"`(\w+)\.py`", table)
        assert sorted(named) == sorted(imported(package)), package


# What is there when it is asked for


def test_every_public_name_is_there_when_it_is_asked_for() -> None:
    names = microgrid.__all__
    assert set(names) <= set(dir(microgrid))
    assert {name for name in names if getattr(microgrid, name).__name__ != name} == set()


def test_importing_the_engine_loads_none_of_the_views() -> None:
    code = (
        "import sys, microgrid; print(*sorted(name for name in sys.modules if name.startswith('microgrid')))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert loaded.split() == [
        "microgrid",
        *(f"microgrid.{name}" for name in ("arguments", "copying", "value")),
    ]
