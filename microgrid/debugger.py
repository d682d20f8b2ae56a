"""A prompt in pdb's dialect inside the backward pass: look, go on, go back, ask why.

    debug(root)

    (debug) n
    > step 1 of 4: y = v1 + x
    -> v1.grad += y.grad · ∂y/∂v1 = 1 · 1 = 1; v1.grad = 1
       v1 receives its only contribution.
    (debug) h

Where the graph was recorded, each stop shows the line of the program with the expression marked. Commands may
also come from a pipe; the prompt then echoes them, so the output reads like a session at a terminal.
"""

import cmd
import io
import itertools
import linecache
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from difflib import get_close_matches
from functools import cached_property
from math import isfinite
from pathlib import Path
from types import CodeType
from typing import TextIO

from microgrid.arguments import one_line
from microgrid.breakpoints import Breakpoint, Mistake, parsed, raised
from microgrid.drawing import draw
from microgrid.files import write_whole
from microgrid.names import Part, short, text
from microgrid.paths import count_paths, many, why
from microgrid.recorder import place_of, program_frames
from microgrid.rewinding import RewindablePass
from microgrid.steps import Step
from microgrid.terminal import (
    completing_whole_names,
    cut,
    encodable,
    has_colours,
    is_pipe_or_file,
    marked,
    painted,
    printable,
    table,
    width,
)
from microgrid.value import Value

# An example of each command, and what it does.
HELP = """\
n                   perform the next step
s 10                perform ten steps; s alone: one
c                   go on to the next breakpoint or the end, then to the program
until x             go on until the gradient of x is complete
back 10             undo ten steps; back alone: one
rc                  go back to the previous breakpoint
j 17                go to step 17, forward or back
restart             go back to before the first step
b x                 stop at each contribution to x, or to x (1), x (2), …
b x if x.grad > 1   … only where this is true; may use node, operand, local_grad
b 12                stop at each step through line 12; b nn.py:12; b alone: list
b nan               stop where inf or nan appears
cl x                remove that breakpoint; cl 1: number 1; cl alone: all
p W1[1,2].grad * 2  print it; may use the program's variables; p alone: operand
display x.grad      print it at each stop where it has changed; display: list
undisplay x.grad    stop displaying it; undisplay alone: all
why x               show the largest paths to x, or why its gradient is 0 or nan
e                   explain the step in a sentence
w                   show a path from the root to here, and count the others
l                   list the lines around here, then the next ones; l . and l 12
ll                  list the whole graph and its gradients so far
ll W1               list the nodes whose names begin with W1
draw step.svg       draw the graph, the step marked, to svg, png, pdf, …
h cl                explain a command; h alone: all of them
q                   quit; so do Ctrl-D and the end of a pipe"""


def debug(root: Value) -> None:
    """Step through the backward pass from root at a prompt, forward and back.

    Gradients start at 0. If you quit after the last step, every grad is what `backward` makes it from zeroed
    leaves; if you quit earlier, every grad is what it was before. Raises TypeError if root is not a Value.
    """
    Debugger(root).interact()


class Debugger(RewindablePass, cmd.Cmd):
    """The prompt of `debug`; stdin and stdout are the standard streams unless given.

    With inside_program, the root's own backward follows: however the session ends, it leaves every grad as it
    found it, and `c` at the end of the pass goes on with the program.
    """

    prompt = "(debug) "

    def __init__(
        self,
        root: Value,
        stdin: TextIO | None = None,
        stdout: TextIO | None = None,
        *,
        inside_program: bool = False,
    ) -> None:
        self.outcome = "quit"
        if sys.stdin is None:  # closed before the program began
            stdin = stdin or io.StringIO()
        self.at_terminal = stdin is None and sys.stdin.isatty()
        cmd.Cmd.__init__(self, "tab" if self.at_terminal else "", stdin, stdout)
        # input() has readline at a terminal, and a notebook answers it too.
        self.use_rawinput = stdin is None
        self.echo = stdin is not None or is_pipe_or_file(sys.stdin)
        self.text = painted if has_colours(self.stdout) else text

        RewindablePass.__init__(self, root, inside_program=inside_program)
        self.breakpoints: dict[int, Breakpoint] = {}
        self.numbers = itertools.count(1)  # of the breakpoints
        self.displayed: dict[str, str] = {}  # each expression, and its value when it was last shown
        self.expressions: dict[str, tuple[CodeType, dict[str, object]]] = {}  # already parsed
        self.next_line = 0  # where l continues; 0: around here

    def interact(self) -> str:
        """Obey commands until one ends the session, and return how it ended: "quit" or "continue"."""
        with closing(self), completing_whole_names() if self.at_terminal else nullcontext():
            size = f"{_count(len(self.uses) + 1, 'node')}, {_count(self.total, 'step')}"
            self.say(f"{self.name(self.root)} = {short(self.root.data)}: {size}. h lists the commands.")
            self.show()
            while True:
                try:
                    self.cmdloop()
                    break
                except KeyboardInterrupt:
                    self.say("\n--KeyboardInterrupt--")
                except UnicodeDecodeError as error:
                    self.say(f"\nThis is not text in {error.encoding}; h lists the commands.")
            if not self.inside_program:
                kept, restored = "The grads of the complete pass are kept.", "All grads are restored."
                self.say(kept if self.is_complete else restored)
        return self.outcome

    # Moving

    def do_next(self, argument: str) -> None:
        """Perform one step or several."""
        self.go_on(self.count(argument))

    do_n = do_s = do_step = do_next

    def do_continue(self, argument: str) -> bool:
        """Go on to the next breakpoint or to the end; from the end, go on with the program."""
        if self.is_complete and self.inside_program:
            self.outcome = "continue"
            return True
        self.go_on(self.total)
        return False

    do_c = do_cont = do_continue

    def do_until(self, argument: str) -> None:
        """Go on until a gradient is complete."""
        received = self.received
        waiting = {node for node in self.find(argument) if received[node] < self.uses[node]}
        if not waiting:
            raise Mistake(f"The gradient of {argument} is complete.")

        def stops(step: Step) -> bool:
            if step.nth == step.uses:
                waiting.discard(step.operand)
            return not waiting or self.stops(step)

        self.go_on(self.total, stops)

    do_unt = do_until

    def do_back(self, argument: str) -> None:
        """Undo one step or several."""
        self.go_back(self.count(argument))

    def do_rc(self, argument: str) -> None:
        """Go back to the previous breakpoint."""
        self.go_back(self.total, self.stops)

    def do_jump(self, argument: str) -> None:
        """Go to a step, forward or back."""
        if not argument.isdecimal() or len(argument) > 18 or int(argument) > self.total:
            raise Mistake(f"{argument!r} is not a step; write 0 to {self.total}.")
        self.go(int(argument) - self.done)

    do_j = do_jump

    def do_restart(self, argument: str) -> None:
        """Go back to before the first step."""
        self.go(-self.done)

    do_run = do_restart

    def count(self, argument: str) -> int:
        """Return a number of steps, 1 if none is given."""
        if not argument:
            return 1
        if not argument.isdecimal() or len(argument) > 18 or int(argument) == 0:
            raise Mistake(f"{argument!r} is not a number of steps; write 1, 2, 3, …")
        return int(argument)

    def go_on(self, count: int, stops: Callable[[Step], bool] | None = None) -> None:
        """Perform count steps, or fewer if one of them stops, and show the last."""
        if self.is_complete:
            onward = "c goes on with the program" if self.inside_program else "q quits"
            raise Mistake(f"The pass is complete: back undoes a step, {onward}.")
        self.go(count, stops or self.stops)

    def go_back(self, count: int, stops: Callable[[Step], bool] | None = None) -> None:
        """Undo count steps, or fewer if the current step stops, and show that one."""
        if self.done == 0:
            raise Mistake("No step has been performed: there is nothing to undo.")
        self.go(-count, stops)

    def go(self, count: int, stops: Callable[[Step], bool] | None = None) -> None:
        """Move, and show the current step."""
        if self.move(count, stops):
            self.say("Interrupted.")
        self.show()

    # Breakpoints

    def do_break(self, argument: str) -> None:
        """Set a breakpoint, or list all of them."""
        chosen = [*self.breakpoints.items()]
        if argument:
            where, _, condition = argument.partition(" if ")
            breakpoint = self.breakpoint(where.strip(), condition.strip())
            chosen = [(number, other) for number, other in chosen if other == breakpoint]
            if not chosen:
                chosen = [(next(self.numbers), breakpoint)]
                self.breakpoints |= chosen
        for number, breakpoint in chosen:
            self.say(f"Breakpoint {number} {self.described(breakpoint)}.")
        if not chosen:
            self.say("No breakpoints; b NAME sets one.")

    do_b = do_break

    def breakpoint(self, where: str, condition: str) -> Breakpoint:
        """Return a breakpoint at nan, at a line, or at a name."""
        if condition:
            self.parsed(condition)
        line = re.fullmatch(r"(?:(.+):)?([0-9]+)", where)
        if where == "nan":
            wild = next((node for node in self.names if not isfinite(node.data)), None)
            if wild:
                self.say(f"The forward pass made one: {self.made(wild)} = {short(wild.data)}.")
            return Breakpoint(where, {}, condition)
        if line and where not in self.nodes:
            file, number = line[1] or self.here[0], int(line[2])
            nodes = [
                node
                for node, (path, line_number) in self.lines.items()
                if line_number == number and file in (path, os.path.basename(path))
            ]
            if not nodes:
                raise Mistake(f"No node was made on line {where}; ll lists the nodes and their lines.")
            return Breakpoint(where, dict.fromkeys(nodes), condition, by_line=True)
        nodes = self.find(where)
        if nodes == [self.root]:
            raise Mistake(f"{where} is the root: its grad is 1 from the start, and no step adds to it.")
        return Breakpoint(where, dict.fromkeys(nodes), condition)

    def described(self, breakpoint: Breakpoint) -> str:
        """Return where a breakpoint stops, as a phrase."""
        condition = f" if {breakpoint.condition}" if breakpoint.condition else ""
        if not breakpoint.nodes:
            return f"where inf or nan appears{condition}"
        if breakpoint.by_line:
            return f"at line {breakpoint.where}{condition}"
        names = _listed([self.name(node) for node in breakpoint.nodes])
        return f"at {names}{condition}, {self.progress(*breakpoint.nodes)}"

    def stops(self, step: Step) -> bool:
        """Return whether a breakpoint stops at the current step."""
        return any(other.is_at(step) and self.holds(other.condition) for other in self.breakpoints.values())

    def holds(self, condition: str) -> bool:
        """Return whether a condition is true, or fails, at the current step."""
        try:
            return not condition or bool(self.value(condition))
        except Mistake as mistake:
            self.say(f"{condition}: {mistake}")
            return True

    def do_clear(self, argument: str) -> None:
        """Remove a breakpoint, or all of them."""
        if not argument:
            self.say(f"{_count(len(self.breakpoints), 'breakpoint')} removed.")
            self.breakpoints.clear()
            return
        for number, breakpoint in self.breakpoints.items():
            if argument in (str(number), breakpoint.where):
                del self.breakpoints[number]
                self.say(f"Breakpoint {number} at {breakpoint.where} removed.")
                return
        raise Mistake(f"There is no breakpoint at {argument}; b lists them.")

    do_cl = do_clear

    # Looking

    def do_print(self, argument: str) -> None:
        """Show a node in full, or print another expression."""
        result = self.value(argument) if argument else self.step.operand if self.step else self.root
        if isinstance(result, Value) and result in self.lines:
            self.say_node(result)
        else:
            self.say(_represented(result))

    do_p = do_pp = do_print

    def do_display(self, argument: str) -> None:
        """Print an expression at each stop where it has changed; alone: list those expressions."""
        if argument:
            self.displayed[argument] = ""
        for shown in [argument] if argument else self.displayed:
            self.displayed[shown] = self.shown(shown)
            self.say(f"display {shown}: {self.displayed[shown]}")
        if not self.displayed:
            self.say("Nothing is displayed; display EXPRESSION adds it.")

    def do_undisplay(self, argument: str) -> None:
        """Stop displaying an expression, or all of them."""
        if argument and argument not in self.displayed:
            raise Mistake(f"{argument} is not displayed; display lists what is.")
        for shown in [argument] if argument else [*self.displayed]:
            del self.displayed[shown]

    def shown(self, expression: str) -> str:
        """Return the value of an expression as text, or what it raises."""
        try:
            return _represented(self.value(expression))
        except Mistake as mistake:
            return str(mistake)

    def value(self, expression: str) -> object:
        """Return the value of an expression, which may use nodes, program variables and parts of the step."""
        scope: dict[str, object] = {}
        if self.step:
            scope.update(node=self.step.node, operand=self.step.operand, local_grad=self.step.local_grad)
        for frame in program_frames()[-1:]:
            scope.update(frame.f_globals)
            scope.update(frame.f_locals)
        code, nodes = self.parsed(expression)
        try:
            return eval(code, scope | nodes)
        except Exception as error:
            raise Mistake(f"{raised(error)}{self.similar(expression)}") from error

    def parsed(self, expression: str) -> tuple[CodeType, dict[str, object]]:
        """Return the code of an expression, and the nodes that it names."""
        try:
            if expression not in self.expressions:  # A condition is evaluated at each step to its node.
                self.expressions[expression] = parsed(expression, self.nodes)
            return self.expressions[expression]
        except (SyntaxError, ValueError) as error:
            raise Mistake(f"{raised(error)}{self.similar(expression)}") from error

    def do_why(self, argument: str) -> None:
        """Show the largest paths behind the gradient of a node, or why it is 0, inf or nan."""
        node = self.value(argument) if argument else self.step.operand if self.step else self.root
        if not isinstance(node, Value) or node.op == "constant":
            raise Mistake(f"{argument} is not a node; ll lists them.")
        self.say(str(why(self.root, node, names=self.names)))
        if self.received[node] < self.uses[node]:
            self.say(f"So far {self.name(node)}.grad = {short(node.grad)}, {self.progress(node)}.")

    def do_explain(self, argument: str) -> None:
        """Explain the step in a sentence."""
        sentence = self.step.sentence() if self.step else "No step has been performed: n performs the first."
        self.say(textwrap.fill(sentence, _columns(), break_long_words=False, break_on_hyphens=False))

    do_e = do_explain

    def do_where(self, argument: str) -> None:
        """Show a path from the root to here, and how many there are."""
        if self.step is None:
            self.show()
            return
        path = [self.step]
        for earlier in reversed(self.steps[: self.done]):
            if earlier.operand is path[-1].node:
                path.append(earlier)
        product = 1.0
        rows = [(self.name(self.root), "", "1")]
        for step in reversed(path):
            product = product * step.local_grad
            rows.append((self.name(step.operand), short(step.local_grad), short(product)))
        self.say_table([("path", "local gradient", "product"), *_shortened(rows)])

        paths = count_paths(self.names)
        all_paths, through = paths[self.step.operand], paths[self.step.node]
        ends = f"{self.name(self.root)} to {self.name(self.step.operand)}"
        if all_paths == 1:
            self.say(f"This is the only path from {ends}.")
        else:
            here = "1 of them ends" if through == 1 else f"{many(through)} of them end"
            self.say(f"This is one of {many(all_paths)} paths from {ends}; {here} with this step.")

    do_w = do_where

    def do_list(self, argument: str) -> None:
        """List the program around here, then the next lines; or around another line."""
        file, here = self.here
        if argument not in ("", ".") and not re.fullmatch("[0-9]{1,9}", argument):
            raise Mistake(f"{argument!r} is not a line; write its number, or . for here.")
        around = here if argument == "." else int(argument or here)
        first = max(1, around - 5) if argument or not self.next_line else self.next_line
        self.next_line = first + 11
        breaks = self.breaks
        source = linecache.getlines(file)
        for number, line in enumerate(source[first - 1 : first + 10], first):
            marks = _marks((file, number) in map(self.lines.get, breaks), number == here)
            self.say(f"{number:>4} {marks} {cut(printable(line), _columns() - 9)}".rstrip())
        if not source:
            self.say_listing([node for node, (_, line) in self.lines.items() if first <= line < first + 11])
        if first + 10 >= (len(source) or len(self.lines)):
            self.say("[EOF]")

    do_l = do_list

    def do_longlist(self, argument: str) -> None:
        """List all nodes, or those whose names begin with the argument, with their gradients so far."""
        nodes = [node for node in self.lines if self.name(node).startswith(argument)]
        if not nodes:
            raise Mistake(f"No node has a name that begins with {argument!r}.")
        self.say_listing(nodes)

    do_ll = do_longlist

    def say_listing(self, nodes: Sequence[Value]) -> None:
        """Write a line for each node: where and how it was made, its number and its gradient so far."""
        received, breaks = self.received, self.breaks
        roles = {self.step.node: "node", self.step.operand: "operand"} if self.step else {}
        labels = []
        for file, number in map(self.lines.__getitem__, nodes):
            labels.append(str(number) if file == self.here[0] else f"{os.path.basename(file)}:{number}")
        longest = max(map(len, labels), default=0)
        rows = [(" " * (longest + 5) + "node", "data", "grad", "received")]
        for label, node in zip(labels, nodes):
            count = f"{received[node]} of {self.uses[node]}" if node is not self.root else ""
            marks = _marks(node in breaks, node is self.node)
            made = f"{label:>{longest}} {marks} {self.made(node)}"
            rows.append((made, short(node.data), short(node.grad), count))
        heading, *lines = table(rows, _columns())
        self.say(heading)
        for line, node in zip(lines, nodes):
            self.say(line, roles.get(node, ""))

    @property
    def breaks(self) -> set[Value]:
        """The nodes at which there are breakpoints."""
        return {node for breakpoint in self.breakpoints.values() for node in breakpoint.nodes}

    def do_draw(self, argument: str) -> None:
        """Draw the graph with the step marked."""
        path = Path(argument or f"step-{self.done}.svg")
        try:
            from microgrid.picture import format_of

            path = path.expanduser()
            marked = (self.step.node, self.step.position) if self.step else self.root
            write_whole(path, draw(self.root, highlight=marked).pipe(format=format_of(path)))
        except ModuleNotFoundError as error:
            self.say(f"Not drawn: {error}; install it: pip install {error.name}")
        except OSError as error:
            self.say(f"Not drawn: {one_line(str(path))}: {error.strerror}; give another FILE.")
        except (ValueError, RuntimeError, subprocess.SubprocessError) as error:
            self.say(f"Not drawn: {one_line(str(error))}")
        else:
            self.say(f"Drawn: {one_line(str(path))}")

    # Help, the end, and what is not a command

    def do_help(self, argument: str) -> None:
        """Explain a command, or all of them."""
        if not argument:
            self.say(HELP)
            return
        if argument not in self.commands:
            raise Mistake(self.unknown(argument))
        alike = [name for name, method in self.commands.items() if method is self.commands[argument]]
        for line in HELP.splitlines():
            if line.split()[0] in alike:
                self.say(line)
        if len(alike) > 1:
            self.say(f"{_listed(alike)} are the same.")

    do_h = do_help

    def do_quit(self, argument: str) -> bool:
        """End the session."""
        return True

    do_q = do_exit = do_quit

    def do_EOF(self, argument: str) -> bool:
        """End the session at the end of the input."""
        self.say()
        return True

    @cached_property
    def commands(self) -> dict[str, Callable[..., object]]:
        """The method of each command."""
        methods = vars(Debugger).items()
        return {name[3:]: method for name, method in methods if name.startswith("do_") and name != "do_EOF"}

    def unknown(self, command: str) -> str:
        """Return a message that there is no such command, with a similar one."""
        similar = get_close_matches(command, self.commands, 1)
        hint = f"did you mean {similar[0]}?" if similar else "h lists them."
        return f"There is no command {command!r}; {hint}"

    def parseline(self, line: str) -> tuple[str | None, str | None, str]:
        """Tell commands from expressions that begin like one, such as w.grad or b[0]."""
        command, argument, line = super().parseline(line)
        if command and re.match(r"\w+[.\[=]", line):
            return None, None, line
        return command, argument, line

    def default(self, line: str) -> None:
        """Print an expression, as pdb does with what is not a command."""
        try:
            self.do_print(line)
        except Mistake as mistake:
            command = line.split()[0]
            is_name = command.isidentifier() and command not in self.nodes
            if is_name or isinstance(mistake.__cause__, SyntaxError):
                raise Mistake(self.unknown(command)) from mistake
            raise

    def onecmd(self, line: str) -> bool:
        """Obey a command, or say why that is not possible."""
        try:
            return super().onecmd(line)
        except Mistake as mistake:
            self.say(str(mistake))
            return False

    def precmd(self, line: str) -> str:
        """Echo a command that did not come from a terminal, which shows what is typed."""
        if self.echo and line != "EOF":
            self.say(line)
        return line

    # Names and numbers

    def find(self, name: str) -> list[Value]:
        """Return the node of that name, or all nodes of that name with a number."""
        names = [name] if name in self.nodes else self.numbered(name)
        if not names:
            raise Mistake(f"There is no node {name!r}{self.similar(name) or '; ll lists them.'}")
        return [self.nodes[name] for name in names]

    def numbered(self, name: str) -> list[str]:
        """Return the names `h (1)`, `h (2)`, … for h."""
        pattern = re.compile(re.escape(name) + r" \(\d+\)")
        return [other for other in self.nodes if pattern.fullmatch(other)]

    def similar(self, name: str) -> str:
        """Return a question for names similar to one that does not exist; "" if there are none."""
        similar = self.numbered(name) or get_close_matches(name, self.nodes)
        return f"; did you mean {_listed(similar, 'or')}?" if similar else ""

    def complete_name(self, text: str, line: str, begin: int, end: int) -> list[str]:
        """Return what completes the name before the cursor; readline replaces only its last word."""
        typed = line[:end].partition(" ")[2].lstrip()
        whole = [name[len(typed) - len(text) :] for name in self.nodes if name.startswith(typed)]
        return whole or [name for name in self.nodes if name.startswith(text)]

    complete_p = complete_pp = complete_print = complete_b = complete_break = complete_until = complete_name
    complete_display = complete_why = complete_ll = complete_longlist = complete_cl = complete_name

    # Showing

    def show(self) -> None:
        """Show the current step, and each displayed expression that has changed."""
        self.next_line = 0
        place = place_of(self.node)
        source = [*marked(place, _columns() - 3)] if place else []
        where = f"{os.path.basename(place.file)}({place.line}) " if place and source else ""
        step = self.step
        if step:
            head = f"> {where}step {self.done} of {self.total}: {self.made(step.node)}"
        else:
            head = f"> {where}before the first step: {self.name(self.root)}.grad is 1, all others are 0"
        self.say(cut(one_line(head), _columns()))
        for position, line in enumerate(source):
            is_mark = line.strip("^ ") == ""
            self.say(f"{'   ' if position else '-> '}{line}", "node" if is_mark else "")
        if step:
            arrow = "   " if source else "-> "
            between = " = " if width(f"{arrow}{step}") <= _columns() else "\n   = "
            self.say_parts([Part(arrow), *step.in_names(), Part(between), *step.in_numbers()])
            self.say(f"   {self.name(step.operand)} receives {step.place()}.")
        if self.is_complete:
            onward = "; c goes on with the program" if self.inside_program else ""
            self.say(f"The pass is complete{onward}.")
        for shown, old in self.displayed.items():
            self.displayed[shown] = now = self.shown(shown)
            if now != old:
                self.say(f"display {shown}: {now}  [old: {old}]")

    def say_node(self, node: Value) -> None:
        """Show a node in full."""
        self.say(self.made(node))
        self.say(f"data {node.data!r}")
        self.say(f"grad {node.grad!r}, {self.progress(node)}")
        if node.operands:
            operands = [
                (self.name(operand), repr(operand.data), repr(float(local_grad)))
                for operand, local_grad in zip(node.operands, node.local_grads)
                if operand.op != "constant"
            ]
            self.say_table([("operand", "data", "local gradient"), *_shortened(operands)])

    def progress(self, *nodes: Value) -> str:
        """Return how many contributions nodes have received, as a phrase."""
        if nodes == (self.root,):
            return "the root's own"
        received, uses = (sum(counter[node] for node in nodes) for counter in (self.received, self.uses))
        return f"{received} of {uses} contributions received"

    def say(self, line: str = "", role: str = "") -> None:
        """Write a line, in the colour of its role."""
        self.say_parts([Part(line, role)])

    def say_parts(self, parts: Sequence[Part]) -> None:
        """Write a line at once: input() would ignore that the pipe's reader is gone, and go on."""
        print(encodable(self.text(parts), self.stdout), file=self.stdout, flush=True)

    def say_table(self, rows: Sequence[Sequence[str]]) -> None:
        """Write rows in columns."""
        for line in table(rows, _columns()):
            self.say(line)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _listed(names: list[str], conjunction: str = "and") -> str:
    """Return at most five names as a list in a sentence."""
    if len(names) > 5:
        names = [*names[:4], f"{len(names) - 4} more"]
    return f"{', '.join(names[:-1])} {conjunction} {names[-1]}" if len(names) > 1 else names[0]


def _shortened(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return rows that fit on a screen: middle rows are only counted."""
    if len(rows) <= 16:
        return [*rows]
    return [*rows[:5], (f"… {len(rows) - 15} more …", *[""] * (len(rows[0]) - 1)), *rows[-10:]]


def _marks(is_break: bool, is_here: bool) -> str:
    return ("B" if is_break else " ") + ("->" if is_here else "  ")


def _represented(thing: object) -> str:
    """Return the repr of a thing; raises Mistake if it has none."""
    try:
        return repr(thing)
    except Exception as error:
        raise Mistake(raised(error)) from error


def _columns() -> int:
    return shutil.get_terminal_size().columns
