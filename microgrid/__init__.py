"""See how reverse-mode automatic differentiation works, one scalar at a time."""

from microgrid.checking import gradcheck
from microgrid.debugger import debug
from microgrid.drawing import draw
from microgrid.page import show, write_page
from microgrid.steps import Step, backward_steps
from microgrid.unrolling import Unrolled, unroll
from microgrid.value import Value, topological_order

__all__ = [
    "Step",
    "Unrolled",
    "Value",
    "backward_steps",
    "debug",
    "draw",
    "gradcheck",
    "show",
    "topological_order",
    "unroll",
    "write_page",
]
