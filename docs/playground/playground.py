"""Python's side of the playground: runs a program, and gives the views of its first backward().

It lies beside microgrid in site-packages, where its own variables name no Value of a program.
"""

import io
import json
import re
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from microgrid import Value, draw, unroll, write_page
from microgrid.arguments import one_line
from microgrid.compatibility import serve
from microgrid.names import node_names
from microgrid.recorder import recording
from microgrid.running import Program, noting_results
from microgrid.running import run as run_program
from microgrid.steps import backward_steps, grads_after

FILE = "program.py"
MOST_PRINTED = 20_000
MOST_NODES = {"program": 2000, "formula": 100}
IMPORTS_MICROGRAD = re.compile(r"^\s*(from|import)\s+micrograd\b", re.MULTILINE)


class Graph:
    """The graph of a program's backward(), which it is called with, and its views as text."""

    def __init__(self) -> None:
        self.page = ""
        self.problem = ""
        self.views: dict[str, Callable[[], str]] = {}

    def __call__(self, root: Value, error: Exception | None) -> bool:
        """Make the page of the graph under root while the program's variables are in sight."""
        names = node_names(root)
        inputs = [node for node in names if not node.operands and node.op != "constant"]
        self.views["picture"] = lambda: picture(root, names)
        for view, most in MOST_NODES.items():
            if len(names) > most:
                self.views[view] = lambda: f"The graph has {len(names)} nodes, too many to be read here."
        try:
            self.page = write_page(root, "page.html").read_text(encoding="utf-8")
            program = unroll(root, inputs)
        except ValueError as problem:
            self.problem = one_line(str(problem))
        else:
            self.views.setdefault("program", lambda: program.source)
            self.views.setdefault("formula", lambda: formulas(program, names, inputs))
        return False


graph = Graph()  # the last one


def run(source: str, send: Callable[[str], object]) -> str:
    """Run a program, send on what it prints, and return as JSON what there is to show.

    page        the page of its first backward(), or of the graph as far as it went; "" if there is none
    problem     why there is none, though there is a graph
    error       the error that ended the program: its text, and its line or 0; null if there was none
    """
    global graph
    graph = Graph()
    made: list[Value] = []
    error = None
    output = Output(send)
    with redirect_stdout(output), redirect_stderr(output), recording():
        if IMPORTS_MICROGRAD.search(source):
            serve()
        try:
            with noting_results(made):
                run_program(Program(source, FILE, [FILE]), graph)
        except BaseException as problem:
            error = described(problem)
            if made and not (graph.page or graph.problem):
                graph(made[0], None)
    return json.dumps({"page": graph.page, "problem": graph.problem, "error": error})


def view(name: str) -> str:
    """Return a view of the last program's graph: its picture as SVG, its program, its formulas as MathML.

    Where there is none, return why in one line; "" if there is no graph.
    """
    try:
        return graph.views[name]() if name in graph.views else ""
    except Exception as error:
        return one_line(f"There is no {name} of this graph: {error}")


class Output(io.TextIOBase):
    """What a program prints, sent on as it comes, up to 20,000 characters."""

    def __init__(self, send: Callable[[str], object]) -> None:
        self.send = send
        self.room = MOST_PRINTED

    def write(self, text: str) -> int:
        """Send a text on, or as much of it as there is room for."""
        if self.room > 0:
            self.send(text[: self.room] + ("\n… and more" if len(text) >= self.room else ""))
            self.room -= len(text)
        return len(text)


def described(error: BaseException) -> dict[str, object]:
    """Return an error's text, and the line of the program that it comes from, 0 if there is none."""
    if isinstance(error, SyntaxError) and error.filename == FILE:
        return {"text": f"{type(error).__name__}: {error.msg}", "line": error.lineno or 0}
    lines = [entry.lineno for entry in traceback.extract_tb(error.__traceback__) if entry.filename == FILE]
    text = str(error) if isinstance(error, SystemExit) else f"{type(error).__name__}: {error}"
    return {"text": one_line(text.removeprefix("microgrid: ")), "line": lines[-1] if lines else 0}


def picture(root: Value, names: dict[Value, str]) -> str:
    """Return the picture of a graph as SVG, with the gradients of its backward pass."""
    grads = grads_after(root, backward_steps(root))
    drawn = draw(root, names=names, grads=grads, local_grads=True)
    return str(drawn.pipe("svg", encoding="utf-8"))


def formulas(program: Callable[..., Any], names: dict[Value, str], inputs: list[Value]) -> str:
    """Return the formulas of the root and of its gradients as MathML, one in each line, made by SymPy."""
    import sympy
    from sympy.printing.mathml import MathMLPresentationPrinter

    class Printer(MathMLPresentationPrinter):  # type: ignore[misc]
        """A printer that writes the cases of relu and abs as a table."""

        def _print_Piecewise(self, cases: Any) -> Any:
            table = self.dom.createElement("mtable")
            for formula, condition in cases.args:
                row = table.appendChild(self.dom.createElement("mtr"))
                when = sympy.Symbol("otherwise") if condition == True else condition  # noqa: E712
                for part in (formula, when):
                    row.appendChild(self.dom.createElement("mtd")).appendChild(self._print(part))
            brace = self.dom.createElement("mo")
            brace.appendChild(self.dom.createTextNode("{"))
            mrow = self.dom.createElement("mrow")
            mrow.appendChild(brace), mrow.appendChild(table)
            return mrow

    def written(left: str, formula: Any) -> str:
        whole = sympy.sympify(formula).replace(
            lambda part: part.is_Float and part == int(part), lambda part: sympy.Integer(part)
        )
        plain = sympy.simplify(whole) if whole.count_ops() < 60 else whole
        return f"<math display='block'><mrow>{left}<mo>=</mo>{Printer().doprint(plain)}</mrow></math>"

    def name(node: Value) -> str:
        return str(Printer().doprint(sympy.Symbol(names[node])))

    root = next(reversed(names))
    result, gradients = program(*[sympy.Symbol(names[node], real=True) for node in inputs])
    lines = [written(name(root), result)]
    for node, gradient in zip(inputs, gradients):
        rate = f"<mfrac><mrow><mi>d</mi>{name(root)}</mrow><mrow><mi>d</mi>{name(node)}</mrow></mfrac>"
        lines.append(written(rate, gradient))
    return "\n".join(lines)
