"""The whole engine: numbers that remember where they came from, and the chain rule over them.

    x = Value(2.0, label="x")
    w = Value(-3.0, label="w")
    y = (x * w + 7).relu()      # the forward pass records the graph: a node for each operation
    y.backward()                # the backward pass walks it, from y down to the leaves
    x.grad                      # dy/dx = -3.0

The file follows the idea: what a Value is, its operations, the backward pass and the order of its walk, and
RULES, the table of derivatives.
"""

import operator
from collections.abc import Callable, Iterable, Iterator
from math import cos as _cos
from math import exp, inf, log, nan, sqrt, tanh
from math import sin as _sin
from numbers import Real
from typing import Any

from microgrid.arguments import Number, check_data, described, label_of, real, shortened


class Value:
    """One scalar and one node of the computation graph.

    Value(data, label) makes a leaf from a real number (int, float, NumPy scalar, Fraction); the operations
    make the other nodes. x < 1 compares numbers, but == is identity and every Value is true.
    Raises TypeError if data is not a real number or label is not a string, OverflowError if data is too large
    for a float. An operation without a result raises what Python's floats raise (ValueError,
    ZeroDivisionError, OverflowError); the message names operation, numbers and labels.

    >>> x = Value(2.0, label="x")
    >>> x * x
    Value(data=4.0, grad=0.0, op='*': x * x)
    """

    # help(Value) shows these descriptions.
    __slots__ = {
        "data": "The number: a float, as long as floats are assigned to it.",
        "grad": "d root / d this after root.backward(); 0.0 before.",
        "label": "A name for people, assignable at any time.",
        "op": "The operation that made it, a key of RULES; '' for a leaf, 'constant' for a plain number.",
        "operands": "The nodes it was made from, in order, with repetition: x * x has x twice.",
        "local_grads": "∂this/∂operand for each operand, as numbers.",
        "__weakref__": "Value can be referenced weakly.",
    }

    def __init__(self, data: Number, label: str = "") -> None:
        self.data: float = data if type(data) is float else real(data)
        self.grad = 0.0
        self.label = label if type(label) is str else label_of(label)
        self.op = ""
        self.operands: tuple[Value, ...] = ()
        self.local_grads: tuple[float, ...] = ()

    def __repr__(self) -> str:
        """Return number and gradient, and how the node was made, on one short line."""
        label = f", label={shortened(str(self.label))!r}" if self.label else ""
        op = f", op={self.op!r}" if self.op else ""
        made = f": {_made(self.op, self.operands)}" if self.operands else ""
        return f"Value(data={self.data}, grad={self.grad}{label}{op}{made})"

    # The operations. Each has a row in RULES: its result, and the derivative by each operand. The most common
    # ones (+ - * neg relu sum) are also written out here, for speed.

    def __add__(self, other: "Value | Number") -> "Value":
        operand = other if isinstance(other, Value) else _constant(other)
        if operand is None:
            return NotImplemented
        return _node(self.data + operand.data, "+", (self, operand), (1.0, 1.0))

    def __sub__(self, other: "Value | Number") -> "Value":
        operand = other if isinstance(other, Value) else _constant(other)
        if operand is None:
            return NotImplemented
        return _node(self.data - operand.data, "-", (self, operand), (1.0, -1.0))

    def __mul__(self, other: "Value | Number") -> "Value":
        operand = other if isinstance(other, Value) else _constant(other)
        if operand is None:
            return NotImplemented
        return _node(self.data * operand.data, "*", (self, operand), (operand.data, self.data))

    def __truediv__(self, other: "Value | Number") -> "Value":
        operand = other if isinstance(other, Value) else _constant(other)
        if operand is None:
            return NotImplemented
        return apply("/", (self, operand), self.data, operand.data)

    def __pow__(self, other: "Value | Number") -> "Value":
        """Return self ** other; only a Value as exponent has a derivative, nan for a negative self."""
        if isinstance(other, Value):
            return apply("**", (self, other), self.data, other.data)
        exponent = _constant(other)
        if exponent is None:
            return NotImplemented
        return apply("**n", (self, exponent), self.data, exponent.data)

    def __radd__(self, other: Number) -> "Value":
        operand = _constant(other)
        return NotImplemented if operand is None else operand + self

    def __rsub__(self, other: Number) -> "Value":
        operand = _constant(other)
        return NotImplemented if operand is None else operand - self

    def __rmul__(self, other: Number) -> "Value":
        operand = _constant(other)
        return NotImplemented if operand is None else operand * self

    def __rtruediv__(self, other: Number) -> "Value":
        operand = _constant(other)
        return NotImplemented if operand is None else operand / self

    def __rpow__(self, other: Number) -> "Value":
        operand = _constant(other)
        return NotImplemented if operand is None else operand**self

    def __neg__(self) -> "Value":
        return _node(-self.data, "neg", (self,), (-1.0,))

    def __pos__(self) -> "Value":
        return self

    def __abs__(self) -> "Value":
        return apply("abs", (self,), self.data)

    def relu(self) -> "Value":
        """Return max(0, self); its derivative at 0 is 0, as in PyTorch."""
        if self.data <= 0.0:
            return _node(0.0, "relu", (self,), (BLOCKED,))
        return _node(self.data, "relu", (self,), (1.0,))

    def exp(self) -> "Value":
        """Return e to the power of self."""
        return apply("exp", (self,), self.data)

    def log(self) -> "Value":
        """Return the natural logarithm of self."""
        return apply("log", (self,), self.data)

    def sqrt(self) -> "Value":
        """Return the square root of self; its derivative at 0 is inf."""
        return apply("sqrt", (self,), self.data)

    def sin(self) -> "Value":
        """Return the sine of self, in radians."""
        return apply("sin", (self,), self.data)

    def cos(self) -> "Value":
        """Return the cosine of self, in radians."""
        return apply("cos", (self,), self.data)

    def tanh(self) -> "Value":
        """Return the hyperbolic tangent of self."""
        return apply("tanh", (self,), self.data)

    def sigmoid(self) -> "Value":
        """Return the logistic function of self, 1 / (1 + exp(-self))."""
        return apply("sigmoid", (self,), self.data)

    @staticmethod
    def sum(values: "Iterable[Value | Number]") -> "Value":
        """Return the sum of all values as one node with an operand for each of them.

        Raises TypeError if values is not a list or other iterable of Values and numbers.

        >>> Value.sum([Value(1.0), Value(2.0), Value(3.0)])
        Value(data=6.0, grad=0.0, op='sum': sum(1.0, 2.0, 3.0))
        """
        if not hasattr(values, "__iter__"):
            raise TypeError(f"Value.sum takes a list of Values, not {described(values)}")
        operands = []
        data = 0.0
        for value in values:
            operand = value if isinstance(value, Value) else _node(real(value), "constant", (), ())
            operands.append(operand)
            data += operand.data
        return _node(data, "sum", tuple(operands), (1.0,) * len(operands))

    # Comparisons compare the numbers; equality and hash stay those of the object.

    def __lt__(self, other: "Value | Number") -> bool:
        return _compared(operator.lt, self, other)

    def __le__(self, other: "Value | Number") -> bool:
        return _compared(operator.le, self, other)

    def __gt__(self, other: "Value | Number") -> bool:
        return _compared(operator.gt, self, other)

    def __ge__(self, other: "Value | Number") -> bool:
        return _compared(operator.ge, self, other)

    def backward(self) -> None:
        """Add d self / d leaf to the grad of every leaf under self; set the grad of the nodes in between.

        Leaves accumulate over calls, as in PyTorch; the nodes in between start each call from zero.
        """
        results = [node for node in topological_order(self) if node.operands]
        for node in results:
            node.grad = 0.0
        self.grad += 1.0
        for node in reversed(results):
            for operand, local_grad in zip(node.operands, node.local_grads):
                operand.grad += node.grad * local_grad


def topological_order(root: Value) -> list[Value]:
    """Return the nodes under root, each once, operands before results.

    Operands come in the order in which they are written, so the list reads like the forward pass.
    Raises TypeError if root is not a Value, or if a leaf's data was assigned something other than a number.
    """
    if not isinstance(root, Value):
        advice = "give the Value that the computation ends in"
        raise TypeError(f"the root of a graph is a Value, not {described(root)}: {advice}")
    order: list[Value] = []
    seen = {root}
    # A stack of our own, since recursion ends at a depth of 1000: the nodes on the way from the root to the
    # current one, each with the operands that are still to be visited.
    path: list[tuple[Value, Iterator[Value]]] = []
    node, operands = root, iter(root.operands)
    while True:
        for operand in operands:
            if operand not in seen:
                seen.add(operand)
                if operand.operands:
                    path.append((node, operands))
                    node, operands = operand, iter(operand.operands)
                    break
                if type(operand.data) is not float:
                    check_data(operand.data, operand.label)
                order.append(operand)
        else:
            order.append(node)
            if not path:
                return order
            node, operands = path.pop()


# Making nodes


def apply(op: str, operands: tuple[Value, ...], *numbers: float) -> Value:
    """Return the node of an operation that has a row in RULES; numbers are the data of the operands.

    Raises what the row raises, with a message that names operation, numbers and labels.
    """
    try:
        data, local_grads = RULES[op](*numbers)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        at = ", ".join({f"{shortened(str(x.label))} = {x.data}": None for x in operands if x.label})
        where = f"{_made(op, operands)} at {at}" if at else _made(op, operands)
        raise type(error)(f"{where}: {REASONS[type(error)]}") from None
    return _node(data, op, operands, local_grads)


def _node(data: float, op: str, operands: tuple[Value, ...], local_grads: tuple[float, ...]) -> Value:
    """Return a node, without the constructor's checks, which would cost more than the rest."""
    node = new(Value)
    node.data = data
    node.grad = 0.0
    node.label = ""
    node.op = op
    node.operands = operands
    node.local_grads = local_grads
    return node


# What allocates a node; recorder.py replaces it while it records.
new: Callable[[type[Value]], Value] = object.__new__


def _constant(number: object) -> Value | None:
    """Return the leaf that an operation makes of a plain number; None for anything else."""
    if type(number) is not float:
        if not isinstance(number, (int, Real)):
            return None
        number = real(number)
    return _node(number, "constant", (), ())


def _compared(compare: Callable[[Any, Any], bool], x: Value, other: object) -> bool:
    """Compare the number of a Value with another Value's or with a plain one; NotImplemented for the rest."""
    if isinstance(other, Value):
        return compare(x.data, other.data)
    if not isinstance(other, (float, int, Real)):
        return NotImplemented  # type: ignore[no-any-return]
    number: float = other if type(other) is float else real(other)
    return compare(x.data, number)


def _made(op: str, operands: tuple[Value, ...]) -> str:
    """Return an operation written with its operands' labels or numbers: `log(x)`, `x * -2.0`, `x ** 2.0`."""
    shown = [shortened(str(x.label)) if x.label else f"{x.data}" for x in operands[:5]]
    if len(operands) > 5:
        shown.append("…")
    return f"{op}({', '.join(shown)})" if op.isalpha() else f" {op.rstrip('n')} ".join(shown)


# What the exception of an operation without a result says.
REASONS = {
    ValueError: "the result is not a real number",
    ZeroDivisionError: "division by zero",
    OverflowError: "the result is too large for a float",
}


# The table of derivatives


class _Blocked(float):
    """The local gradient 0.0 of a result that does not depend on the operand at all.

    It lets nothing through, not even inf or nan: 0.0 * inf would be nan, but sqrt(relu(-1)) has gradient 0.
    """

    __slots__ = ()

    def __mul__(self, other: float) -> float:
        return 0.0

    __rmul__ = __mul__


BLOCKED = _Blocked()

# A row for each operation: its result z for the operands x and y, and ∂z/∂x, ∂z/∂y. Everything else that
# needs an operation quotes its row (see rows.py), so a row may use these alone: operands, z, numbers, inf,
# BLOCKED, + - * / **, < <= > >=, conditionals, and calls of the functions below or of math's.
# fmt: off
RULES: dict[str, Callable[..., tuple[float, tuple[float, ...]]]] = {
    "+":       lambda x, y: (x + y,                   (1.0, 1.0)),
    "-":       lambda x, y: (x - y,                   (1.0, -1.0)),
    "*":       lambda x, y: (x * y,                   (y, x)),
    "/":       lambda x, y: (z := x / y,              (1.0 / y, -z / y)),
    "**":      lambda x, y: (power(x, y),             (slope_by_base(x, y), slope_by_exponent(x, y))),
    "**n":     lambda x, n: (power(x, n),             (slope_by_base(x, n), BLOCKED)),
    "neg":     lambda x:    (-x,                      (-1.0,)),
    "abs":     lambda x:    (abs(x),                  (1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0,)),
    "relu":    lambda x:    (0.0 if x <= 0.0 else x,  (BLOCKED if x <= 0.0 else 1.0,)),
    "exp":     lambda x:    (z := exp(x),             (z,)),
    "log":     lambda x:    (log(x),                  (1.0 / x,)),
    "sqrt":    lambda x:    (z := sqrt(x),            (0.5 / z if z > 0.0 else inf - z,)),
    "sin":     lambda x:    (sin(x),                  (cos(x),)),
    "cos":     lambda x:    (cos(x),                  (-sin(x),)),
    "tanh":    lambda x:    (z := tanh(x),            ((1.0 - z) * (1.0 + z),)),  # 1 - z * z loses digits
    "sigmoid": lambda x:    (z := sigmoid(x),         (z * (1.0 - z),)),
    "sum":     lambda *x:   (total(x),                (1.0,) * len(x)),
}
# fmt: on


# The functions that rows call and math does not have


def sin(x: float) -> float:
    """Return the sine of x; nan for an infinite x."""
    try:
        return _sin(x)
    except ValueError:
        return nan


def cos(x: float) -> float:
    """Return the cosine of x; nan for an infinite x."""
    try:
        return _cos(x)
    except ValueError:
        return nan


def sigmoid(x: float) -> float:
    """Return 1 / (1 + exp(-x))."""
    try:
        return 1.0 / (1.0 + exp(-x))
    except OverflowError:
        return 0.0


def total(numbers: Iterable[float]) -> float:
    """Return the sum, added from left to right; Python's own sum rounds differently since 3.12."""
    result = 0.0
    for number in numbers:
        result += number
    return result


def power(x: float, n: float) -> float:
    """Return x ** n; raises ValueError if it is not a real number."""
    z: float | complex = x**n
    if isinstance(z, complex):
        raise ValueError(f"{x} ** {n} is not a real number")
    return z


def slope_by_base(x: float, n: float) -> float:
    """Return ∂(x ** n)/∂x, n · x ** (n - 1)."""
    if n == 0.0:
        return BLOCKED
    try:
        slope: float = n * x ** (n - 1.0)
    except (ZeroDivisionError, OverflowError):
        slope = n * (x**n / x) if x else inf
    return slope


def slope_by_exponent(x: float, n: float) -> float:
    """Return ∂(x ** n)/∂n, x ** n · log(x); nan if x is negative."""
    if x < 0.0 or x != x:
        return nan
    slope: float = x**n * log(x) if x else 0.0 if n >= 0.0 else x**n * -inf
    return slope
