"""See how reverse-mode automatic differentiation works, one scalar at a time.

Importing it loads the engine alone. Each view is loaded when it is first used, so a program that only
computes starts quickly.
"""

from typing import TYPE_CHECKING

import microgrid.copying  # noqa: F401  (registers with copyreg)
from microgrid.value import Value, topological_order

if TYPE_CHECKING:
    from microgrid.animation import write_animation
    from microgrid.checking import gradcheck
    from microgrid.debugger import debug
    from microgrid.drawing import draw
    from microgrid.page import show, write_page
    from microgrid.paths import why
    from microgrid.program import Unrolled
    from microgrid.recorder import recording
    from microgrid.steps import Step, backward_steps
    from microgrid.unrolling import grad, hessian, unroll

__all__ = [
    "Step",
    "Unrolled",
    "Value",
    "backward_steps",
    "debug",
    "draw",
    "grad",
    "gradcheck",
    "hessian",
    "recording",
    "show",
    "topological_order",
    "unroll",
    "why",
    "write_animation",
    "write_page",
]

_MODULES = {
    "Step": "steps",
    "Unrolled": "program",
    "backward_steps": "steps",
    "debug": "debugger",
    "draw": "drawing",
    "grad": "unrolling",
    "gradcheck": "checking",
    "hessian": "unrolling",
    "recording": "recorder",
    "show": "page",
    "unroll": "unrolling",
    "why": "paths",
    "write_animation": "animation",
    "write_page": "page",
}


def __getattr__(name: str) -> object:
    """Load the module of a public name."""
    from importlib import import_module

    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *_MODULES]
