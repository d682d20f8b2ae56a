"""A graphviz.Digraph that is laid out by what there is, and fits a notebook's cell.

That is the system's dot, else graphviz-pure, which pip brings. A host that cannot run programs, such as a
browser, sets a function in their place:

    microgrid.picture.layout = lambda source, format: ...   # from DOT and "svg" or "plain", the text

Importing this module imports the graphviz package, so it is done where something is drawn.
"""

import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import graphviz
from graphviz.backend import dot_command, execute, rendering

from microgrid.files import write_whole

GRAPHVIZ = (
    "install Graphviz: apt install graphviz (Debian), brew install graphviz (macOS) "
    "or winget install graphviz (Windows)"
)
INSTALL = f"no program that lays pictures out is installed: pip install graphviz-pure, or {GRAPHVIZ}"

# The host's own layout: from DOT and the name of a format to a text.
layout: Callable[[str, str], str] | None = None


class Picture(graphviz.Digraph):  # type: ignore[misc]
    """A directed graph that `laid_out` draws."""

    def __repr__(self) -> str:
        return '<picture: .view() shows it, .render(outfile="picture.svg") writes it>'

    def pipe(
        self,
        format: str | None = None,
        *,
        engine: str | None = None,
        encoding: str | None = None,
        **options: object,
    ) -> bytes | str:
        """Return the picture in a format; the arguments are those of graphviz."""
        options = {"renderer": self.renderer, "formatter": self.formatter, **options}
        made = laid_out(self.source, format or self.format, engine or self.engine, **options)
        return made.decode(encoding) if encoding else made

    def _render(
        self,
        engine: str,
        format: str,
        filepath: str,
        *,
        outfile: Path | None = None,
        raise_if_result_exists: bool = False,
        overwrite_filepath: bool = False,
        **options: object,
    ) -> str:
        """Write the picture, and return its path: graphviz's render and view call this with the DOT saved."""
        names = {key: options.get(key) for key in ("renderer", "formatter")}
        path = outfile or rendering.get_outfile(filepath, format=format, **names)
        if raise_if_result_exists and path.exists():
            raise graphviz.FileExistsError(f"output file exists: {str(path)!r}")
        if not overwrite_filepath and path.resolve() == Path(filepath).resolve():
            raise ValueError(f"{path}: the DOT was saved there; give the picture another name")
        write_whole(path, laid_out(self.source, format, engine, **options))
        return str(path)

    def _repr_mimebundle_(self, *args: object, **options: object) -> dict[str, bytes | str]:
        try:
            bundle: dict[str, bytes | str] = super()._repr_mimebundle_(*args, **options)
        except graphviz.ExecutableNotFound as error:
            return {"text/plain": str(error)}
        return {kind: fitted(shown) if isinstance(shown, str) else shown for kind, shown in bundle.items()}


def laid_out(source: str, format: str, engine: str = "dot", **options: object) -> bytes:
    """Return the picture that a DOT source describes, in a format; every layout is asked for here.

    The options are those of graphviz.pipe. Raises graphviz.ExecutableNotFound if there is no program,
    ValueError if it does not have the format, and graphviz.CalledProcessError if it fails otherwise.
    """
    if layout:
        return layout(source, format).encode()
    quiet = options.pop("quiet", False)
    _, *flags = dot_command.command(engine, format, **options)
    program, *own_flags = _program()
    try:
        done = execute.run_check(
            [program, *own_flags, *flags], input=source.encode(), capture_output=True, quiet=True
        )
    except graphviz.CalledProcessError as error:
        if not error.stderr.startswith(b"Format: "):
            raise
        otherwise = f", or {GRAPHVIZ}" if own_flags else ""
        raise ValueError(f"{Path(program).stem} has no format {format}: take svg or png{otherwise}") from None
    if done.stderr and not quiet:
        sys.stderr.write(done.stderr.decode(errors="replace"))
    made: bytes = done.stdout
    return made


def _program() -> list[str]:
    """Return the command of the system's dot, else of graphviz-pure where this Python's pip installs it."""
    if dot := shutil.which(dot_command.DOT_BINARY):
        return [dot]
    schemes = (sysconfig.get_preferred_scheme(key) for key in ("prefix", "user"))
    folders = (sysconfig.get_path("scripts", scheme) for scheme in schemes)
    if pure := shutil.which("graphviz-pure", path=os.pathsep.join(folders)):
        return [pure, "-q"]  # Else it warns of every character beyond ASCII, such as our · and ∂.
    missing = graphviz.ExecutableNotFound(["dot"])
    missing.args = (INSTALL,)
    raise missing


def format_of(path: Path) -> str:
    """Return the format that the name of a picture's file ends in; raises ValueError if Graphviz has none."""
    name = path.suffix[1:].lower()
    if name not in graphviz.FORMATS:
        raise ValueError(f"{path}: end the name in its format, .svg, .png, .pdf, …")
    return name


def fitted(svg: str) -> str:
    """Return an SVG that is no wider than what it is shown in, as a notebook's cell."""
    size = re.search(r'<svg width="([\d.]+)pt" height="([\d.]+)pt"', svg)
    return svg.replace(size[0], f'{size[0]} style="max-width: 100%; height: auto"', 1) if size else svg
