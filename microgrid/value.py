"""The whole engine: numbers that remember where they came from, and the chain rule over them.

    x = Value(2.0, label="x")
    w = Value(-3.0, label="w")
    y = (x * w + 7).relu()      # the forward pass records the graph: a node for each operation
    y.backward()                # the backward pass walks it, from y down to the leaves
    x.grad                      # ∂y/∂x = -3.0

The file reads in the order of the idea: what a Value is, the operations with their local gradients, the
backward pass, the order in which it walks, and the rules of the operations that need more than a line.
"""

import math
import numbers
from collections.abc import Callable, Iterable, Iterator
from sys import intern

TYPE_CHECKING = False  # typing's own would cost more to import than all of this

Number = float | numbers.Real
# The result of an operation, and its derivative by each operand.
Derivatives = tuple[float, tuple[float, ...]]


class Value:
    """One scalar and one node of the computation graph.

    Value(data, label) makes a leaf from a real number (int, float, NumPy scalar, Fraction) and a name for
    people; the operations make the other nodes. The number is kept as a float.
    Raises TypeError for anything that is no real number and for a label that is no string, OverflowError for
    a number too large for a float. An operation without a result raises what Python's floats raise
    (ValueError, ZeroDivisionError, OverflowError), naming itself, its numbers and their labels.

    >>> x = Value(2.0, label="x")
    >>> x * x + 1
    Value(data=5.0, grad=0.0, op='+')
    """

    # help(Value) shows what is said here.
    __slots__ = {
        "data": "The number.",
        "grad": "∂root/∂this after root.backward(); 0.0 before.",
        "label": "A name for people, assignable at any time.",
        "op": "The operation that made this node, such as '+' or 'relu'; '' for a leaf.",
        "operands": "The nodes that it was made from, in order, with repetition: x * x has x twice.",
        "local_grads": "∂this/∂operand for each operand, as numbers.",
    }

    data: float
    grad: float
    label: str
    op: str
    operands: tuple["Value", ...]
    local_grads: tuple[float, ...]

    # NumPy's scalars and arrays leave `number * value` to Value.__rmul__ and its like.
    __array_ufunc__ = None

    def __init__(self, data: Number, label: str = "") -> None:
        if not isinstance(label, str):
            raise _no_label(label)
        self.data = data if type(data) is float else _real(data)
        self.grad = 0.0
        self.label = label
        self.op = ""
        self.operands = ()
        self.local_grads = ()

    def __repr__(self) -> str:
        label = f", label={_short(str(self.label))!r}" if self.label else ""
        op = f", op={self.op!r}" if self.op else ""
        return f"Value(data={self.data}, grad={self.grad}{label}{op})"

    def __format__(self, specification: str) -> str:
        """Return the number in the format asked for, f"{loss:.4f}"; without one the same as str."""
        return format(self.data, specification) if specification else str(self)

    if not TYPE_CHECKING:
        # Python asks for these in math.exp(x) or round(x), where the number would go on without its gradient.
        # They are here to say so, and hidden from type checkers, which would take a Value for a number.
        def __float__(self, *digits: int) -> float:
            raise TypeError(
                "a Value is no float: compute with its methods, as in x.exp(), or with its number, x.data"
            )

        __int__ = __round__ = __float__

    # The operations. Each line of the form _node(data, op, operands, local_grads) is a rule of calculus:
    # the number, and beside it the derivative of that number by each operand.

    def __add__(self, other: "Value | Number") -> "Value":
        if type(other) is not Value:
            other = _as_value(other)
        return _node(self.data + other.data, "+", (self, other), (1.0, 1.0))

    def __sub__(self, other: "Value | Number") -> "Value":
        if type(other) is not Value:
            other = _as_value(other)
        return _node(self.data - other.data, "-", (self, other), (1.0, -1.0))

    def __mul__(self, other: "Value | Number") -> "Value":
        if type(other) is not Value:
            other = _as_value(other)
        return _node(self.data * other.data, "*", (self, other), (other.data, self.data))

    def __truediv__(self, other: "Value | Number") -> "Value":
        if type(other) is not Value:
            other = _as_value(other)
        return _apply(_divide, "/", (self, other), self.data, other.data)

    def __pow__(self, exponent: "Value | Number") -> "Value":
        """Return self ** exponent; a plain number as exponent is part of the operation, `**2`."""
        if isinstance(exponent, Value):
            return _apply(_power, "**", (self, exponent), self.data, exponent.data)
        number = _real(exponent)
        op = intern(f"**{number!r}".removesuffix(".0"))  # one text for all squares of a graph
        return _apply(_power_by_number, op, (self,), self.data, number)

    def __radd__(self, other: Number) -> "Value":
        return _as_value(other) + self

    def __rsub__(self, other: Number) -> "Value":
        return _as_value(other) - self

    def __rmul__(self, other: Number) -> "Value":
        return _as_value(other) * self

    def __rtruediv__(self, other: Number) -> "Value":
        return _as_value(other) / self

    def __rpow__(self, base: Number) -> "Value":
        return _as_value(base) ** self

    def __neg__(self) -> "Value":
        return _node(-self.data, "neg", (self,), (-1.0,))

    def __pos__(self) -> "Value":
        return self

    def __abs__(self) -> "Value":
        return _apply(_abs, "abs", (self,), self.data)

    def relu(self) -> "Value":
        """Return max(0, self); its derivative at 0 is 0, as in PyTorch."""
        if self.data <= 0.0:
            return _node(0.0, "relu", (self,), NOTHING)
        return _node(self.data, "relu", (self,), (1.0,))

    def exp(self) -> "Value":
        """Return e to the power of self."""
        return _apply(_exp, "exp", (self,), self.data)

    def log(self) -> "Value":
        """Return the natural logarithm of self."""
        return _apply(_log, "log", (self,), self.data)

    def sqrt(self) -> "Value":
        """Return the square root of self; its derivative at 0 is inf."""
        return _apply(_sqrt, "sqrt", (self,), self.data)

    def sin(self) -> "Value":
        """Return the sine of self, in radians."""
        return _apply(_sin, "sin", (self,), self.data)

    def cos(self) -> "Value":
        """Return the cosine of self, in radians."""
        return _apply(_cos, "cos", (self,), self.data)

    def tanh(self) -> "Value":
        """Return the hyperbolic tangent of self."""
        return _apply(_tanh, "tanh", (self,), self.data)

    def sigmoid(self) -> "Value":
        """Return the logistic function of self, 1 / (1 + exp(-self))."""
        return _apply(_sigmoid, "sigmoid", (self,), self.data)

    @staticmethod
    def sum(values: "Iterable[Value | Number]") -> "Value":
        """Return the sum of all values as one node with an operand for each of them.

        Raises TypeError where values is no list or other iterable of them.

        >>> Value.sum([Value(1.0), Value(2.0), Value(3.0)])
        Value(data=6.0, grad=0.0, op='sum')
        """
        operands = []
        data = 0.0
        try:
            iterator = iter(values)
        except TypeError:
            raise TypeError(f"Value.sum takes a list of Values, not {_described(values)}") from None
        for value in iterator:
            operand = value if type(value) is Value else _as_value(value)
            operands.append(operand)
            data += operand.data
        return _node(data, "sum", tuple(operands), (1.0,) * len(operands))

    # Comparisons look at the numbers; equality and hash stay those of the object, since a node is a node.

    def __lt__(self, other: "Value | Number") -> bool:
        return self.data < _number(other)

    def __le__(self, other: "Value | Number") -> bool:
        return self.data <= _number(other)

    def __gt__(self, other: "Value | Number") -> bool:
        return self.data > _number(other)

    def __ge__(self, other: "Value | Number") -> bool:
        return self.data >= _number(other)

    def backward(self) -> None:
        """Add ∂self/∂leaf to the grad of every leaf under self, and set the grad of every node between.

        Leaves accumulate over calls, as in PyTorch; the nodes between start each call from zero.
        """
        results = [node for node in topological_order(self) if node.operands]
        for node in results:
            node.grad = 0.0
        self.grad += 1.0
        for node in reversed(results):
            for operand, local_grad in zip(node.operands, node.local_grads):
                operand.grad += local_grad * node.grad


def topological_order(root: Value) -> list[Value]:
    """Return the nodes under root, each once, operands before the results that were made from them.

    Operands come in the order in which they are written, so the list reads like the forward pass.
    Raises TypeError where root is no Value.
    """
    if not isinstance(root, Value):
        advice = "give the Value that the computation ends in"
        raise TypeError(f"the root of a graph is a Value, not {_described(root)}: {advice}")
    order: list[Value] = []
    seen = {root}
    # Recursion's stack, in the open, since it may grow to a million: the nodes on the way from the root down
    # to the one in hand, each with its operands that are still to be visited.
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
                order.append(operand)
        else:
            order.append(node)
            if not path:
                return order
            node, operands = path.pop()


# Making nodes


def _node(data: float, op: str, operands: tuple[Value, ...], local_grads: tuple[float, ...]) -> Value:
    """Record an operation; the constructor's checks would cost more than the rest of it."""
    node = _new(Value)
    node.data = data
    node.grad = 0.0
    node.label = ""
    node.op = op
    node.operands = operands
    node.local_grads = local_grads
    return node


_new = object.__new__


def _apply(rule: Callable[..., Derivatives], op: str, operands: tuple[Value, ...], *numbers: float) -> Value:
    """Record an operation by its rule, and name operation, numbers and labels where there is no result."""
    try:
        data, local_grads = rule(*numbers)
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        raise type(error)(f"{_call(op, operands)}: {_REASONS[type(error)]}") from None
    return _node(data, op, operands, local_grads)


def _call(op: str, operands: tuple[Value, ...]) -> str:
    """Return an operation on its numbers as text: `log(x = 0.0)`, `(1.0) / (x = 0.0)`, `(x = 0.0) ** -1`."""
    shown = [f"{_short(str(x.label))} = {x.data}" if x.label else f"{x.data}" for x in operands]
    if op.isalpha():
        return f"{op}({', '.join(shown)})"
    if len(operands) == 1:
        return f"({shown[0]}) ** {op.removeprefix('**')}"
    return f"({shown[0]}) {op} ({shown[1]})"


_REASONS = {
    ValueError: "no real number is the result",
    ZeroDivisionError: "division by zero",
    OverflowError: "the result is too large for a float",
}


# The rules: numbers in, the result and its derivative by each of them out.


class _Zero(float):
    """The local gradient 0.0 of a result that does not depend on the operand at all.

    It lets nothing through, not even inf or nan: 0.0 * inf would be nan, and sqrt(relu(-1)) has gradient 0.
    """

    __slots__ = ()

    def __mul__(self, other: float) -> float:
        return 0.0

    __rmul__ = __mul__


ZERO = _Zero()
NOTHING = (ZERO,)


def _divide(x: float, y: float) -> Derivatives:
    return x / y, (1.0 / y, -(x / y) / y)


def _power(x: float, n: float) -> Derivatives:
    power, (slope,) = _power_by_number(x, n)
    if x > 0.0:
        slope_of_exponent = power * math.log(x)
    elif x == 0.0:
        slope_of_exponent = 0.0 if n >= 0.0 else power * -math.inf
    else:
        slope_of_exponent = math.nan
    return power, (slope, slope_of_exponent)


def _power_by_number(x: float, n: float) -> Derivatives:
    power = x**n
    if isinstance(power, complex):
        raise ValueError(f"{x} ** {n} is no real number")
    if n == 0.0:
        return power, NOTHING
    try:
        return power, (n * x ** (n - 1.0),)
    except (ZeroDivisionError, OverflowError):
        return power, (n * (power / x) if x else math.inf,)


def _abs(x: float) -> Derivatives:
    return abs(x), (1.0 if x > 0.0 else -1.0 if x < 0.0 else 0.0,)


def _exp(x: float) -> Derivatives:
    y = math.exp(x)
    return y, (y,)


def _log(x: float) -> Derivatives:
    return math.log(x), (1.0 / x,)


def _sqrt(x: float) -> Derivatives:
    y = math.sqrt(x)
    return y, (0.5 / y if y else math.inf,)


def _sin(x: float) -> Derivatives:
    x = x if math.isfinite(x) else math.nan
    return math.sin(x), (math.cos(x),)


def _cos(x: float) -> Derivatives:
    x = x if math.isfinite(x) else math.nan
    return math.cos(x), (-math.sin(x),)


def _tanh(x: float) -> Derivatives:
    y = math.tanh(x)
    return y, ((1.0 - y) * (1.0 + y),)  # 1 - y * y would lose the digits of a saturated y


def _sigmoid(x: float) -> Derivatives:
    try:
        y = 1.0 / (1.0 + math.exp(-x))
    except OverflowError:
        y = 0.0
    return y, (y * (1.0 - y),)


# Numbers and errors


def _as_value(other: Value | Number) -> Value:
    """Return other as a node: itself, or a new leaf for a number."""
    return other if isinstance(other, Value) else Value(other)


def _number(other: Value | Number) -> float:
    return other.data if isinstance(other, Value) else _real(other)


def _real(number: Number) -> float:
    """Return a real number as a float."""
    if type(number) is not int and not isinstance(number, numbers.Real):
        advice = _ADVICE.get(type(number).__name__, _ADVICE["list"] if hasattr(number, "__iter__") else "")
        raise TypeError(f"a Value takes a real number, not {_described(number)}{advice}")
    try:
        return float(number)
    except OverflowError:
        kind = type(number).__name__
        raise OverflowError(
            f"a Value holds a float, and this {kind} is too large for one: keep below 1.8e308"
        ) from None


def _values(what: str, values: Iterable[Value]) -> list[Value]:
    """Return several Values as a list; TypeError where they are anything else."""
    if isinstance(values, Value) or not isinstance(values, Iterable):
        raise TypeError(f"{what} takes a list of Values, not {_described(values)}")
    nodes = list(values)
    for node in nodes:
        if not isinstance(node, Value):
            raise TypeError(f"{what} takes Values, not {_described(node)}")
    return nodes


def _no_label(label: object) -> TypeError:
    return TypeError(f"a label is a string, such as 'x', not {_described(label)}")


def _described(thing: object) -> str:
    """Return what was given in the place of something else, on one line: `the float 2.0`."""
    if thing is None:
        return "None"
    kind, shown = type(thing).__name__, _short(repr(thing))
    return f"the {shown}" if shown.startswith(f"{kind}(") else f"the {kind} {shown}"


def _short(text: str) -> str:
    """Return a text as one line of at most 60 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:57] + "..."


# What to do about what was given in the place of a number.
_ADVICE = {
    "Value": ": its number is its .data",
    "NoneType": ": whatever made it returned nothing, as backward() does",
    "complex": ": take its real part",
    "str": ": float(...) makes a number of a text",
    "Decimal": ": float(...) makes a float of it",
    "list": ": compute with its elements, one by one",
    **dict.fromkeys(
        ["function", "method", "builtin_function_or_method"], ": write (...) after it to call it"
    ),
}
