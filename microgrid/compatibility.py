"""Run programs that were written for micrograd, unedited: python -m microgrid --micrograd.

`micrograd.engine` and `micrograd.nn` lead to microgrid. Values have `_prev` and `_op` to read, and accept any
attribute. A program that would change the engine itself is refused.
"""

import sys
from types import ModuleType
from typing import NoReturn

from microgrid import nn, value


class Value(value.Value):
    """A Value with the attributes that programs read from micrograd's."""

    @property
    def _prev(self) -> set[value.Value]:
        """The operands, except a plain exponent, which is part of the operation."""
        return {*(self.operands[:1] if self.op == "**n" else self.operands)}

    @property
    def _op(self) -> str:
        """The operation as micrograd writes it; "" for a leaf."""
        if self.op == "**n":
            return f"**{self.operands[1].data:g}"
        return "ReLU" if self.op == "relu" else self.op if self.operands else ""

    @property
    def _backward(self) -> NoReturn:
        _refuse("reads _backward; Values have local_grads instead")

    @_backward.setter
    def _backward(self, function: object) -> NoReturn:
        _refuse("assigns _backward; add a row to RULES in microgrid.value for an operation of your own")

    def __init_subclass__(cls) -> NoReturn:
        _refuse("derives from Value; write a function of Values instead")


def serve() -> type[Value]:
    """Make every node such a Value, let programs import it and our nn from micrograd, and return it."""
    new = value.new
    value.new = lambda kind: new(Value)
    nn.Value = Value  # type: ignore[attr-defined]
    engine = ModuleType("micrograd.engine")
    package = ModuleType("micrograd")
    engine.Value, package.engine, package.nn = Value, engine, nn  # type: ignore[attr-defined]
    sys.modules.update({"micrograd": package, "micrograd.engine": engine, "micrograd.nn": nn})
    return Value


def _refuse(what: str) -> NoReturn:
    caller = sys._getframe(2)
    raise SystemExit(f"microgrid: {caller.f_code.co_filename}:{caller.f_lineno} {what}")
