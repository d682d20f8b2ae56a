"""The graph as a straight-line Python program: no loops, no engine, a line for each use of the chain rule.

    program = unroll(L, inputs=[x, w])
    print(program.source)                   # forward pass and backward pass, to be read or stepped through
    program(2.0, -3.0)                      # L and (∂L/∂x, ∂L/∂w), for any numbers, at the speed of floats
    program(Value(2.0), Value(-3.0))        # the same as Values: gradients with a graph of their own

The table OPERATIONS says how each operation is written and differentiated; a new one is a row more.
"""

import builtins
import itertools
import keyword
import linecache
import math
import re
import textwrap
import unicodedata
import weakref
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from types import CodeType, FunctionType
from typing import overload

from microgrid.names import node_names, one_line
from microgrid.value import (
    ZERO,
    Number,
    Value,
    _as_value,
    _cos,
    _described,
    _number,
    _power,
    _power_by_number,
    _short,
    _sigmoid,
    _sin,
    _values,
    topological_order,
)

# How each operation is written, and what it hands to each of its operands: x and y are the operands, z is the
# result, dz its gradient; `x, ...` stands for any number of operands, each of which is handed the same.
# The rows serve floats and Values alike, so they compare with < and >, never with ==. Where the result does
# not depend on the operand at all, they hand on 0.0 without dz: not even inf or nan comes through.
OPERATIONS: dict[str, tuple[str, ...]] = {
    "+": ("x + y", "dz", "dz"),
    "-": ("x - y", "dz", "-dz"),
    "*": ("x * y", "dz * y", "dz * x"),
    "/": ("x / y", "dz * (1.0 / y)", "dz * (-z / y)"),
    "**": ("power(x, y)", "dz * slope_by_base(x, y)", "dz * slope_by_exponent(x, y)"),
    "neg": ("-x", "-dz"),
    "abs": ("abs(x)", "dz if x > 0.0 else -dz if x < 0.0 else dz * 0.0"),
    "relu": ("0.0 if x <= 0.0 else x", "0.0 if x <= 0.0 else dz"),
    "exp": ("exp(x)", "dz * z"),
    "log": ("log(x)", "dz * (1.0 / x)"),
    "sqrt": ("sqrt(x)", "dz * (0.5 / z if z > 0.0 else inf - z)"),
    "sin": ("sin(x)", "dz * cos(x)"),
    "cos": ("cos(x)", "dz * -sin(x)"),
    "tanh": ("tanh(x)", "dz * ((1.0 - z) * (1.0 + z))"),
    "sigmoid": ("sigmoid(x)", "dz * (z * (1.0 - z))"),
    "sum": ("sum([x, ...])", "dz"),
}

MOST_NODES = 10_000
LONGEST_CHAIN = 8  # a + b + c takes half the time of sum([a, b, c]), but a thousand are no expression to read


class Unrolled:
    """A program that `unroll` made: called with a number for each input, it returns root and gradients.

    Numbers give a float and a tuple of floats; Values, or numbers among Values, give Values, which can be
    drawn, stepped through and differentiated again. `source` is the text of the program, `parameters` are the
    inputs as it calls them, `function` is the program itself: it takes floats only and checks nothing.
    Raises TypeError for another number of arguments than inputs, and what Python raises where an operation
    has no result (ValueError, ZeroDivisionError, OverflowError).
    """

    source: str
    parameters: tuple[str, ...]
    function: Callable[..., tuple[float, tuple[float, ...]]]

    def __init__(self, source: str, parameters: tuple[str, ...]) -> None:
        self.source = source
        self.parameters = parameters
        filename = f"<unrolled {next(_serial_numbers)}>"
        program = compile(source, filename, "exec")
        code = next(constant for constant in program.co_consts if isinstance(constant, CodeType))
        self.function = FunctionType(code, CONSTANTS | {name: pair[0] for name, pair in FUNCTIONS.items()})
        self._of_values = FunctionType(code, CONSTANTS | {name: pair[1] for name, pair in FUNCTIONS.items()})
        # Debuggers and tracebacks ask linecache for the lines, for as long as the program lives.
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        weakref.finalize(code, linecache.cache.pop, filename, None).atexit = False

    def __repr__(self) -> str:
        return f"<Unrolled program({', '.join(self.parameters)})>"

    @overload
    def __call__(self, *numbers: Number) -> tuple[float, tuple[float, ...]]: ...
    @overload
    def __call__(self, *numbers: Value) -> tuple[Value, tuple[Value, ...]]: ...
    @overload
    def __call__(
        self, *numbers: Value | Number
    ) -> tuple[float, tuple[float, ...]] | tuple[Value, tuple[Value, ...]]: ...
    def __call__(
        self, *numbers: Value | Number
    ) -> tuple[float, tuple[float, ...]] | tuple[Value, tuple[Value, ...]]:
        """Run the program on a number for each input."""
        if len(numbers) != len(self.parameters):
            count, names = len(self.parameters), ", ".join(self.parameters)
            raise TypeError(
                f"the program takes {count} number{'' if count == 1 else 's'}, ({_short(names)}), "
                f"and was given {len(numbers)}"
            )
        if set(map(type, numbers)) <= {float}:
            return self.function(*numbers)
        if any(isinstance(number, Value) for number in numbers):
            value, gradients = self._of_values(*map(_as_value, numbers))
            return _as_value(value), tuple(map(_as_value, gradients))
        return self.function(*[_number(number) for number in numbers])


_serial_numbers = itertools.count(1)


def unroll(root: Value, inputs: Iterable[Value], wrt: Iterable[Value] | None = None) -> Unrolled:
    """Return the program that computes root and its gradients from numbers for the inputs.

    inputs are leaves, in the order in which the program takes their numbers; all other leaves become
    constants. wrt are the nodes whose gradients the program returns: the inputs, if not given. The program
    gives the same numbers as recording the graph anew and calling backward, bit for bit, as long as Python's
    own branches (an if, a max) would go the same way.
    Raises TypeError where root, inputs or wrt are no Values, ValueError for an input that is no leaf or comes
    twice, for a node of wrt that is neither under root nor an input, for more than 10,000 nodes, and for an
    operation that OPERATIONS does not have.

    >>> x = Value(3.0, label="x")
    >>> unroll(x * x + x, inputs=[x])(5.0)
    (30.0, (11.0,))
    """
    order = topological_order(root)
    inputs = _values("inputs", inputs)
    wrt = inputs if wrt is None else _values("wrt", wrt)
    if len(order) > MOST_NODES:
        raise ValueError(
            f"the graph has {len(order):,} nodes, more than the {MOST_NODES:,} that can be unrolled: "
            "unroll a part that repeats, such as the graph of one passenger, and call it for each"
        )
    for node in inputs:
        if node.operands:
            raise ValueError(f"an input is a leaf, and {_described(node)} was computed from others")
    if len(set(inputs)) < len(inputs):
        twice = next(node for node in inputs if inputs.count(node) > 1)
        raise ValueError(f"{_described(twice)} is given twice among the inputs: once is enough")
    for node in set(wrt).difference(order, inputs):
        raise ValueError(f"the root does not depend on {_described(node)}, whose gradient wrt asks for")
    program = _Program(order, inputs, wrt)
    return Unrolled(program.source(), program.parameters)


# Writing the program


class _Program:
    """The text of a program, and what it calls each node and its gradient."""

    def __init__(self, order: list[Value], inputs: list[Value], wrt: list[Value]) -> None:
        self.order = order
        self.root = order[-1]
        self.wrt = wrt
        self.labels = {node: node.label or "unused" for node in inputs} | node_names(self.root)
        self.names, self.gradients = _identifiers(self.labels, self.root)
        self.parameters = tuple(self.names[node] for node in inputs)
        given = set(inputs)
        constants = [node for node in order if not node.operands and node not in given]
        self.constants = [f"{self.names[node]} = {float(node.data)!r}" for node in constants if node.label]
        # A constant that nobody has named is written as its number, wherever it is used.
        self.names.update({node: _literal(node.data) for node in constants if not node.label})

    def source(self) -> str:
        """Return the text of the program."""
        sections = [self.docstring(), self.constants, self.forward(), self.backward(), [self.result()]]
        body = "\n\n".join("\n".join(lines) for lines in sections if lines)
        return f"{_in_brackets('def program(', self.parameters, '):')}\n{textwrap.indent(body, INDENT)}\n"

    def docstring(self) -> list[str]:
        """Return the lines that say what the program computes, and what its own functions are."""
        root, *wrt = [_escaped(self.labels[node]) for node in [self.root, *self.wrt]]
        if len(wrt) > 6:
            wrt[2:-1] = ["…"]
        summary = f'"""Return {root}' + (f" and its gradients by {', '.join(wrt)}." if wrt else ".")
        rows = " ".join(expression for node in self.order if node.operands for expression in _row(node))
        called = set(re.findall(r"\w+(?=\()", rows))
        notes = [f"{name}{note}" for name, note in NOTES.items() if name in called]
        return [summary, "", *notes, '"""'] if notes else [summary + '"""']

    def forward(self) -> list[str]:
        """Return an assignment for each operation."""
        lines = [
            self.assignment(f"{self.names[node]} =", _row(node)[0], node, node.operands[0])
            for node in self.order
            if node.operands
        ]
        return ["# Forward pass: a line for each operation.", *lines] if lines else []

    def backward(self) -> list[str]:
        """Return an assignment for each contribution that is needed, in the order of backward."""
        needed, contributions = self.contributions()
        lines = [f"{self.gradients[self.root]} = 1.0"] if self.root in needed else []
        begun = set()
        for node, operand, expression in contributions:
            sign = "+=" if operand in begun else "="
            begun.add(operand)
            lines.append(self.assignment(f"{self.gradients[operand]} {sign}", expression, node, operand))
        root = self.names[self.root]
        return (
            [f"# Backward pass, from {root} down: a line for each use of the chain rule.", *lines]
            if lines
            else []
        )

    def contributions(self) -> tuple[set[Value], list[tuple[Value, Value, str]]]:
        """Return the nodes whose gradients are needed, and each contribution as node, operand, expression."""
        needed = set(self.wrt)
        contributions = []
        # An operand comes before its results, so that it is known there whether it is needed.
        for node in self.order:
            handed_on = [
                (node, operand, expression)
                for operand, expression in zip(node.operands, _row(node)[1:])
                if operand in needed
            ]
            if any(re.search(r"\bdz\b", expression) for _, _, expression in handed_on):
                needed.add(node)
            contributions.append(handed_on)
        return needed, [contribution for handed_on in reversed(contributions) for contribution in handed_on]

    def result(self) -> str:
        """Return the line that returns the root and the gradients."""
        known = set(self.order)
        gradients = [self.gradients[node] if node in known else "0.0" for node in self.wrt]
        return _in_brackets(
            f"return {self.names[self.root]}, (", gradients, ",)" if len(gradients) == 1 else ")"
        )

    def assignment(self, target: str, expression: str, node: Value, operand: Value) -> str:
        """Return a row's expression as an assignment for this node and operand."""
        words = {
            "x": self.names[operand if "..." in OPERATIONS.get(node.op, ("",))[0] else node.operands[0]],
            "y": self.names[node.operands[-1]],
            "z": self.names[node],
            "dz": self.gradients[node],
        }
        if expression == "sum([x, ...])" and len(node.operands) <= LONGEST_CHAIN:
            return f"{target} {' + '.join(self.names[each] for each in node.operands)}"
        before, dots, after = expression.partition("x, ...")
        if dots:
            return _in_brackets(f"{target} {before}", [self.names[each] for each in node.operands], after)
        return f"{target} " + re.sub(r"\b(?:x|y|z|dz)\b", lambda word: words[word[0]], expression)


def _row(node: Value) -> tuple[str, ...]:
    """Return how an operation is written, and what it hands to each operand of the node."""
    if not node.operands:
        return ("",)
    if node.op.startswith("**") and node.op != "**":
        return _row_of_power(float(node.op[2:]))
    try:
        row = OPERATIONS[node.op]
    except KeyError:
        raise ValueError(f"microgrid.unrolling.OPERATIONS has no row for the operation {node.op!r}") from None
    return (row[0], *row[1:] * len(node.operands)) if "..." in row[0] else row


def _row_of_power(n: float) -> tuple[str, str]:
    """Return the row of x ** n for a plain number n."""
    if n == 0.0:
        return "x ** 0", "0.0"
    if n == 1.0:
        return "x ** 1", "dz"
    if n == 2.0:
        return "x ** 2", "dz * (2.0 * x)"
    if n > 0.0 and n.is_integer():
        return f"x ** {_exponent(n)}", f"dz * ({n!r} * x ** {_exponent(n - 1.0)})"
    return f"power(x, {n!r})", f"dz * slope_by_base(x, {n!r})"


def _exponent(n: float) -> str:
    return repr(n).removesuffix(".0")


def _literal(number: float) -> str:
    """Return a number so that it can stand anywhere in an expression."""
    text = repr(float(number))
    return f"({text})" if text.startswith("-") else text


def _identifiers(labels: dict[Value, str], root: Value) -> tuple[dict[Value, str], dict[Value, str]]:
    """Return an identifier for each node and one for its gradient, no two alike: B_1_2, dL_dB_1_2."""
    taken = {*keyword.kwlist, *dir(builtins), *FUNCTIONS, *CONSTANTS, "program"}
    numbers: defaultdict[str, Iterator[int]] = defaultdict(lambda: itertools.count(2))

    def unique(identifier: str) -> str:
        name = identifier
        while name in taken:
            name = f"{identifier}_{next(numbers[identifier])}"
        taken.add(name)
        return name

    names = {node: unique(_identifier(label)) for node, label in labels.items()}
    return names, {node: unique(f"d{names[root]}_d{name}") for node, name in names.items()}


def _identifier(label: str) -> str:
    """Return an identifier that looks like a label.

    >>> [_identifier(label) for label in ("B[1,2]", "∂L/∂x", "1st", "x²")]
    ['B_1_2', 'L_x', '_1st', 'x2']
    """
    # As Python reads it, so that no two identifiers turn out alike.
    normal = unicodedata.normalize("NFKC", label)
    parts = "".join(c if f"a{c}".isidentifier() else " " for c in normal).split()
    name = "_".join(parts)
    return name if name.isidentifier() else f"_{name}"


def _escaped(label: str) -> str:
    """Return a label so that it can stand in a docstring."""
    return one_line(label).replace("\\", "\\\\").replace('"', '\\"')


INDENT = "    "
WIDTH = 92


def _in_brackets(before: str, items: Collection[str], after: str) -> str:
    """Return the items between brackets, in one line or, where they are too many, in a block of lines."""
    listed = ", ".join(items)
    if len(before) + len(listed) + len(after) <= WIDTH - len(INDENT):
        return f"{before}{listed}{after}"
    block = textwrap.fill(
        f"{listed},",
        WIDTH - len(INDENT),
        initial_indent=INDENT,
        subsequent_indent=INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f"{before}\n{block}\n{after.removeprefix(',')}"


# What a program may call


def _sum(numbers: Iterable[float]) -> float:
    """Return the sum from left to right, as Value.sum adds; Python's own rounds otherwise from 3.12 on."""
    total = 0.0
    for number in numbers:
        total += number
    return total


def power(x: float, n: float) -> float:
    """Return x ** n; ValueError where it is no real number."""
    return _power_by_number(x, n)[0]


def slope_by_base(x: float, n: float) -> float:
    """Return ∂(x ** n)/∂x, as value.py computes it."""
    return _power_by_number(x, n)[1][0]


def slope_by_exponent(x: float, n: float) -> float:
    """Return ∂(x ** n)/∂n, as value.py computes it."""
    return _power(x, n)[1][1]


def _slope_by_base(x: Value | float, n: Value | float) -> Value:
    """Return ∂(x ** n)/∂x as a node."""
    x, n = _as_value(x), _as_value(n)
    if n.data == 0.0:
        # 1.0 stands for the powers that do not exist; what counts is the derivative by n.
        slope = n * x ** (n - 1.0) if x.data else n * 1.0
        slope.data = ZERO
        return slope
    try:
        return n * x ** (n - 1.0)
    except (ZeroDivisionError, OverflowError):
        power = x**n
        return n * (power / x) if x.data else math.inf - power


def _slope_by_exponent(x: Value | float, n: Value | float) -> Value:
    """Return ∂(x ** n)/∂n as a node."""
    x, n = _as_value(x), _as_value(n)
    if x.data > 0.0:
        return x**n * x.log()
    return Value(slope_by_exponent(x.data, n.data))


# The functions of the programs, for floats and for Values.
FUNCTIONS: dict[str, tuple[Callable[..., float], Callable[..., Value]]] = {
    "sum": (_sum, Value.sum),
    "exp": (math.exp, lambda x: _as_value(x).exp()),
    "log": (math.log, lambda x: _as_value(x).log()),
    "sqrt": (math.sqrt, lambda x: _as_value(x).sqrt()),
    "sin": (lambda x: _sin(x)[0], lambda x: _as_value(x).sin()),
    "cos": (lambda x: _cos(x)[0], lambda x: _as_value(x).cos()),
    "tanh": (math.tanh, lambda x: _as_value(x).tanh()),
    "sigmoid": (lambda x: _sigmoid(x)[0], lambda x: _as_value(x).sigmoid()),
    "power": (power, lambda x, n: _as_value(x) ** n),
    "slope_by_base": (slope_by_base, _slope_by_base),
    "slope_by_exponent": (slope_by_exponent, _slope_by_exponent),
}

CONSTANTS = {"inf": math.inf, "nan": math.nan}

# What the docstring of a program says about those that are not in every mathematics book.
NOTES = {
    "sigmoid": "(x) is 1 / (1 + exp(-x)).",
    "power": "(x, n) is x ** n.",
    "slope_by_base": "(x, n) is the derivative of x ** n by x, n * x ** (n - 1).",
    "slope_by_exponent": "(x, n) is the derivative of x ** n by n, x ** n * log(x).",
}
