"""Build the playground into a folder: python docs/playground/build.py build/playground

Node.js makes the scripts of what npm installed, pip brings the packages that run in the browser. All versions
are pinned, here and in package.json.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PACKAGES = ["graphviz==0.21"]
FORMULAS = ["sympy==1.14.0", "mpmath==1.3.0"]
EXAMPLES = [
    "two_paths",
    "product",
    "shared_node",
    "neuron",
    "dead_relu",
    "not_a_number",
    "sheet",
    "micrograd",
]
PYODIDE = ["pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json"]

Files = Iterable[tuple[str, bytes]]


def build(folder: Path) -> None:
    """Build the playground into a folder, which is made anew."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "pyodide").mkdir(parents=True)
    (folder / "examples").mkdir()
    for name in ("index.html", "style.css"):
        shutil.copy(HERE / name, folder)
    for name in PYODIDE:
        shutil.copy(HERE / "node_modules" / "pyodide" / name, folder / "pyodide")
    own = [*source(ROOT / "microgrid"), *source(ROOT / "titanic")]
    write_zip(
        folder / "python.zip",
        [*own, ("playground.py", (HERE / "playground.py").read_bytes()), *wheels(PACKAGES)],
    )
    write_zip(folder / "sympy.zip", wheels(FORMULAS))
    (folder / "examples.json").write_text(json.dumps([example(name) for name in EXAMPLES]), encoding="utf-8")

    bundle = ["--bundle", "--format=esm", "--minify", "--target=es2022", "--external:node:*"]
    for script in ("main.js", "worker.js"):
        esbuild = [f"{HERE}/node_modules/.bin/esbuild", f"{HERE}/{script}", f"--outfile={folder / script}"]
        subprocess.run([*esbuild, *bundle, "--log-level=warning"], check=True)
    subprocess.run(["node", HERE / "compile.js", folder / "sympy.zip"], check=True)
    subprocess.run(["node", HERE / "prepare.js", folder], check=True)


def source(package: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a package of ours."""
    for path in sorted(package.iterdir()):
        if path.is_file():
            yield f"{package.name}/{path.name}", path.read_bytes()


def wheels(requirements: list[str]) -> Iterator[tuple[str, bytes]]:
    """Yield the files of packages that are Python alone, without their tests."""
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--only-binary=:all:", "--dest", folder, *requirements], check=True)
        for wheel in sorted(Path(folder).iterdir()):
            with ZipFile(wheel) as opened:
                for name in opened.namelist():
                    if not {"tests", "benchmarks"} & set(name.split("/")) and ".data/" not in name:
                        yield name, opened.read(name)


def write_zip(path: Path, files: Files) -> None:
    """Write an archive that is the same whenever its files are."""
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files:
            archive.writestr(ZipInfo(name), content, ZIP_DEFLATED, 9)


def example(name: str) -> dict[str, str]:
    """Return an example: its first line is its title."""
    program = (HERE / "examples" / f"{name}.py").read_text(encoding="utf-8")
    return {"name": name, "title": program.splitlines()[0].removeprefix("# "), "program": program}


if __name__ == "__main__":
    build(Path(sys.argv[1]).resolve())
