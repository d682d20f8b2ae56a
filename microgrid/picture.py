"""A graphviz.Digraph that fits a notebook's cell, and says how to install Graphviz where it is missing.

Importing this module imports the graphviz package, so it is done where something is drawn.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import graphviz

INSTALL = (
    "Graphviz's program dot, which makes the pictures, is not installed: apt install graphviz (Debian), "
    "brew install graphviz (macOS) or winget install graphviz (Windows)"
)


class Picture(graphviz.Digraph):  # type: ignore[misc]
    """A directed graph that Graphviz draws."""

    def render(self, *args: object, **options: object) -> str:
        """Write the picture to a file, and return its path; the arguments are those of graphviz."""
        with _advice():
            path: str = super().render(*args, **options)
        return path

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
        with _advice():
            # graphviz.Digraph.pipe would leave dot at work after Ctrl-C.
            made: bytes = graphviz.pipe(
                engine or self.engine, format or self.format, self.source.encode(), **options
            )
        return made.decode(encoding) if encoding else made

    def _repr_mimebundle_(self, *args: object, **options: object) -> dict[str, bytes | str]:
        try:
            bundle: dict[str, bytes | str] = super()._repr_mimebundle_(*args, **options)
        except graphviz.ExecutableNotFound as error:
            return {"text/plain": str(error)}
        return {kind: fitted(shown) if isinstance(shown, str) else shown for kind, shown in bundle.items()}


def format_of(path: Path) -> str:
    """Return the format that the name of a picture's file ends in; raises ValueError if Graphviz has none."""
    name = path.suffix[1:].lower()
    if name not in graphviz.FORMATS:
        raise ValueError(f"{path}: end the name in its format, .svg, .png, .pdf, …")
    return name


@contextmanager
def _advice() -> Iterator[None]:
    try:
        yield
    except graphviz.ExecutableNotFound as error:
        error.args = (INSTALL,)
        raise error from None


def fitted(svg: str) -> str:
    """Return an SVG that is no wider than what it is shown in, as a notebook's cell."""
    size = re.search(r'<svg width="([\d.]+)pt" height="([\d.]+)pt"', svg)
    return svg.replace(size[0], f'{size[0]} style="max-width: 100%; height: auto"', 1) if size else svg
