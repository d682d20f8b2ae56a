"""A prompt in pdb's dialect inside the backward pass: look, go on, go back.

    debug(root)

    (debug) n
    > step 1 of 4: y = v1 + x
    -> v1.grad += y.grad · ∂y/∂v1 = 1 · 1 = 1; v1.grad = 1
       v1 receives its only contribution.
    (debug) h

It reads commands from a pipe as well. Then it writes each of them after the prompt, so that the output reads
like a session at a terminal.
"""

import cmd
import io
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from difflib import get_close_matches
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TextIO

from microgrid.arguments import one_line
from microgrid.drawing import draw
from microgrid.files import write_whole
from microgrid.names import expression, node_names, short, text
from microgrid.paths import MANY, count_paths
from microgrid.steps import Step, backward_steps
from microgrid.value import Value


def debug(root: Value) -> None:
    """Go through the backward pass from root at a prompt, step by step, forward and back.

    The leaves start at 0. Quit after the last step, every grad is as `backward` leaves it from zeroed leaves;
    quit before, every grad is again what it was. Raises TypeError if root is not a Value.
    """
    Debugger(root).interact()


class Debugger(cmd.Cmd):
    """The prompt of `debug`; stdin and stdout are the standard streams unless they are given.

    With inside_program the root's own backward comes afterwards: however the prompt ends, it leaves every grad
    as it found it, and `c` at the end of the pass goes on with the program.
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
        self.inside_program = inside_program
        self.outcome = "quit"
        if sys.stdin is None:  # It was closed before the program began.
            stdin = stdin or io.StringIO()
        self.at_terminal = stdin is None and sys.stdin.isatty()
        super().__init__("tab" if self.at_terminal else "", stdin, stdout)
        # input() has readline at a terminal, and a notebook answers it too.
        self.use_rawinput = stdin is None
        self.echo = stdin is not None or _is_pipe_or_file(sys.stdin)

        self.source = backward_steps(root)
        # Those that were ever performed: all at once would keep whoever has a huge graph waiting.
        self.steps = list(islice(self.source, 1))
        self.done = 0  # how many of them are not undone
        self.root = root
        self.names = self.steps[0].names if self.steps else node_names(root)
        self.uses = Counter(
            operand for node in self.names for operand in node.operands if operand.op != "constant"
        )
        self.total = self.uses.total()
        self.breakpoints: dict[Value, None] = {}
        self.found = {node: node.grad for node in self.names}
        with _noting_interrupts():
            for node in self.names:
                node.grad = 0.0
            root.grad = 1.0

    def interact(self) -> str:
        """Read commands and obey them until one ends the session; return how: "quit" or "continue"."""
        try:
            self._interact()
        finally:
            self.close()
        return self.outcome

    def _interact(self) -> None:
        size = f"{_count(len(self.uses) + 1, 'node')}, {_count(self.total, 'step')}"
        self.say(f"{self.name(self.root)} = {short(self.root.data)}: {size}. h lists the commands.")
        self.show()
        with _completing_whole_names() if self.at_terminal else nullcontext():
            while True:
                try:
                    self.cmdloop()
                    break
                except KeyboardInterrupt:
                    self.say("\n--KeyboardInterrupt--")
                except UnicodeDecodeError as error:
                    self.say(f"\nThis is not text in {error.encoding}; h lists the commands.")
        kept, restored = "The grads of the complete pass stay.", "Every grad is again what it was."
        if not self.inside_program:
            self.say(kept if self.is_complete else restored)

    def close(self) -> None:
        """Leave the grads of a complete pass; before its end, or inside a program, put back what was found."""
        stays = self.is_complete and not self.inside_program
        with _noting_interrupts():
            for node, grad in self.found.items():
                node.grad = 0.0 if stays else grad
            if stays:
                self.root.backward()  # The constants' grads have no steps.

    # Moving

    def do_next(self, argument: str) -> None:
        """n(ext), s(tep) [N]: perform the next step, or N; a breakpoint stops earlier."""
        count = self.number(argument)
        if count:
            self.go_on(count)

    do_n = do_s = do_step = do_next

    def do_continue(self, argument: str) -> bool:
        """c(ontinue): go on to the next breakpoint, to the end, to the program."""
        if self.is_complete and self.inside_program:
            self.outcome = "continue"
            return True
        self.go_on(self.total)
        return False

    do_c = do_continue

    def do_back(self, argument: str) -> None:
        """back [N]: undo the last step, or N."""
        count = self.number(argument)
        if count and self.done == 0:
            self.say("No step is performed: there is nothing to undo.")
        elif count:
            self.move(-count)
            self.show()

    def go_on(self, count: int) -> None:
        """Perform count steps, fewer at a breakpoint, and show the last."""
        if self.is_complete:
            onward = "c goes on with the program" if self.inside_program else "q quits"
            self.say(f"The pass is complete: back undoes a step, {onward}.")
            return
        self.move(count, self.breakpoints)
        self.show()

    def move(self, count: int, stops: Collection[Value] = ()) -> None:
        """Perform count steps, or undo -count; stop at an end, at Ctrl-C, and where one of stops receives."""
        goal = max(0, min(self.done + count, self.total))
        with _noting_interrupts() as interrupts:
            while self.done < goal and not interrupts:
                if self.done == len(self.steps):
                    self.steps.append(next(self.source))
                step = self.steps[self.done]
                step.operand.grad = step.after
                self.done += 1
                if step.operand in stops:
                    break
            while self.done > goal and not interrupts:
                self.done -= 1
                step = self.steps[self.done]
                step.operand.grad = step.before
        if interrupts:
            self.say("Interrupted.")

    @property
    def is_complete(self) -> bool:
        """Whether all steps are performed."""
        return self.done == self.total

    @property
    def step(self) -> Step | None:
        """The step in hand, the last that is performed."""
        return self.steps[self.done - 1] if self.done else None

    # Breakpoints

    def do_break(self, argument: str) -> None:
        """b(reak) [NAME]: stop at each contribution to NAME; alone: list these."""
        if argument:
            node = self.find(argument)
            if node is self.root:
                self.say(f"{argument} is the root: its grad is 1 from the start, and no step adds to it.")
            elif node is not None:
                self.breakpoints[node] = None
                self.say(f"Breakpoint at {argument}, {self.progress(node)}.")
            return
        for node in self.breakpoints:
            self.say(f"Breakpoint at {self.name(node)}, {self.progress(node)}.")
        if not self.breakpoints:
            self.say("No breakpoints; b NAME sets one.")

    do_b = do_break

    def do_clear(self, argument: str) -> None:
        """cl(ear) [NAME]: remove the breakpoint at NAME; alone: all."""
        if not argument:
            self.say(f"{_count(len(self.breakpoints), 'breakpoint')} removed.")
            self.breakpoints.clear()
            return
        node = self.find(argument)
        if node in self.breakpoints:
            del self.breakpoints[node]
            self.say(f"Breakpoint at {argument} removed.")
        elif node is not None:
            self.say(f"There is no breakpoint at {argument}.")

    do_cl = do_clear

    # Looking

    def do_explain(self, argument: str) -> None:
        """e(xplain): say the step in a sentence."""
        sentence = self.step.sentence() if self.step else "No step is performed: n performs the first."
        width = shutil.get_terminal_size().columns
        self.say(textwrap.fill(sentence, width, break_long_words=False, break_on_hyphens=False))

    do_e = do_explain

    def do_print(self, argument: str) -> None:
        """p(rint) [NAME]: show a node in full; alone: the operand of the step."""
        node = self.find(argument) if argument else self.step.operand if self.step else self.root
        if node is None:
            return
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

    do_p = do_print

    def do_where(self, argument: str) -> None:
        """w(here): show a path from the root to here, and how many there are."""
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
            here = "1 of them ends" if through == 1 else f"{_many(through)} of them end"
            self.say(f"This is one of {_many(all_paths)} paths from {ends}; {here} with this step.")

    do_w = do_where

    def do_list(self, argument: str) -> None:
        """l(ist): list the steps around this one; -> marks it, B breakpoints."""
        here = self.done
        last = min(here + 5, self.total)
        # The steps to come are known once they are performed.
        self.move(last - here)
        self.move(here - self.done)
        for number, step in enumerate(self.steps[max(0, here - 6) : last], start=max(1, here - 5)):
            marks = ("B" if step.operand in self.breakpoints else " ") + ("->" if number == here else "  ")
            result = f"; {self.name(step.operand)}.grad = {short(step.after)}" if number <= here else ""
            self.say(f"{number:>{len(str(last))}} {marks} {text(step.in_names())}{result}")

    do_l = do_list

    def do_grads(self, argument: str) -> None:
        """grads [WORD]: list the leaves, or those whose names begin with WORD."""
        received = self.received
        rows = [
            (self.name(node), short(node.data), short(node.grad), f"{received[node]} of {self.uses[node]}")
            for node in self.names
            if not node.operands and node.op != "constant" and self.name(node).startswith(argument)
        ]
        if rows:
            self.say_table([("leaf", "data", "grad", "contributions"), *rows])
        else:
            self.say(f"No leaf has a name that begins with {argument!r}.")

    def do_draw(self, argument: str) -> None:
        """draw [FILE]: draw the graph with the step marked, to svg, png, pdf, …"""
        path = Path(argument or f"step-{self.done}.svg")
        try:
            path = path.expanduser()
            if not path.suffix:
                raise ValueError(f"{path}: end the name in its format, .svg, .png, .pdf, …")
            marked = (self.step.node, self.step.position) if self.step else self.root
            write_whole(path, draw(self.root, highlight=marked).pipe(format=path.suffix[1:].lower()))
        except ModuleNotFoundError as error:
            self.say(f"Not drawn: {error}; install it: pip install {error.name}")
        except OSError as error:
            self.say(f"Not drawn: {one_line(str(path))}: {error.strerror}; give another FILE.")
        except (ValueError, RuntimeError, subprocess.SubprocessError) as error:
            self.say(f"Not drawn: {one_line(str(error))}")
        else:
            self.say(f"Drawn: {one_line(str(path))}")

    # Help and the end

    def do_help(self, argument: str) -> None:
        """h(elp) [COMMAND]: list the commands, or say what one does."""
        commands = {name[3:]: method for name, method in vars(Debugger).items() if name.startswith("do_")}
        if argument and argument not in commands:
            self.say(f"There is no command {argument!r}; h lists them.")
            return
        if self.do_help.__doc__ is None:
            self.say(f"The commands are {', '.join(commands)}; python -OO leaves out what they do.")
            return
        methods = [commands[argument]] if argument else dict.fromkeys(commands.values())
        lines = [method.__doc__.split(": ", 1) for method in methods]
        width = max(len(usage) for usage, _ in lines)
        for usage, meaning in lines:
            self.say(f"{usage:<{width}}  {meaning}")

    do_h = do_help

    def do_quit(self, argument: str) -> bool:
        """q(uit): quit; a pass that is not complete is undone."""
        return True

    do_q = do_exit = do_quit

    def do_EOF(self, argument: str) -> bool:
        """Ctrl-D: the same."""
        self.say()
        return True

    def default(self, line: str) -> None:
        """Show the node of that name, as pdb shows what is no command."""
        if line in self.nodes:
            self.do_print(line)
        else:
            self.say(f"There is no command {line.split()[0]!r}; h lists them.")

    def precmd(self, line: str) -> str:
        """Write a command that did not come from a terminal, where it would stand already."""
        if self.echo and line != "EOF":
            self.say(line)
        return line

    # Names and numbers

    @cached_property
    def nodes(self) -> dict[str, Value]:
        """The node for each name, as it is shown and typed."""
        return {self.name(node).strip(): node for node in self.names if node.op != "constant"}

    @property
    def received(self) -> Counter[Value]:
        """How many contributions each node has received."""
        return Counter(step.operand for step in self.steps[: self.done])

    def name(self, node: Value) -> str:
        """Return the name of a node, on one line whatever it is."""
        return one_line(self.names[node])

    def made(self, node: Value) -> str:
        """Return name and origin of a node, `C[1,2] = relu(B[1,2])`."""
        return f"{self.name(node)} = {one_line(text(expression(node, self.names)))}"

    def find(self, name: str) -> Value | None:
        """Return the node of that name; where there is none, say which names are near."""
        if name in self.nodes:
            return self.nodes[name]
        sharing = [self.name(node) for node in self.names if node.label == name]
        if sharing:
            self.say(f"{len(sharing)} nodes share the label {name}: {_listed(sharing)}.")
        else:
            near = get_close_matches(name, self.nodes)
            advice = f"near are {_listed(near)}" if near else "grads shows those of the leaves"
            self.say(f"There is no node {name!r}; {advice}.")
        return None

    def number(self, argument: str) -> int:
        """Return a number of steps, 1 when none is given; 0 after an error."""
        if not argument:
            return 1
        if argument.isdecimal() and len(argument) <= 18 and int(argument) > 0:
            return int(argument)
        self.say(f"{argument!r} is not a number of steps; write 1, 2, 3, …")
        return 0

    def complete_name(self, text: str, line: str, begin: int, end: int) -> list[str]:
        """Return what completes the name before the cursor; readline replaces its last word only."""
        typed = line[:end].partition(" ")[2].lstrip()
        return [name[len(typed) - len(text) :] for name in self.nodes if name.startswith(typed)]

    complete_p = complete_print = complete_b = complete_break = complete_cl = complete_clear = complete_name
    complete_grads = complete_name

    # Showing

    def show(self) -> None:
        """Show the step in hand."""
        if self.step is None:
            root = self.name(self.root)
            self.say(f"> before the first step: every grad is 0, only that of the root {root} is 1")
        else:
            self.say(f"> step {self.done} of {self.total}: {self.made(self.step.node)}")
            line = f"-> {self.step}"
            if len(line) > shutil.get_terminal_size().columns:
                line = f"-> {text(self.step.in_names())}\n   = {text(self.step.in_numbers())}"
            self.say(line)
            self.say(f"   {self.name(self.step.operand)} receives {self.step.place()}.")
        if self.is_complete:
            self.say("The pass is complete.")

    def progress(self, node: Value) -> str:
        """Return how much of its gradient a node has, in words."""
        if node is self.root:
            return "the root's own"
        return f"{self.received[node]} of {self.uses[node]} contributions received"

    def say(self, line: str = "") -> None:
        """Write a line at once: input() would swallow that nobody reads the pipe any more, and go on."""
        encoding = getattr(self.stdout, "encoding", None) or "utf-8"
        shown = line.encode(encoding, "backslashreplace").decode(encoding)  # Not every one has ∂.
        print(shown, file=self.stdout, flush=True)

    def say_table(self, rows: Sequence[Sequence[str]]) -> None:
        """Write rows in columns, the first aligned on the left and the others, numbers, on the right."""
        widths = [max(map(len, column)) for column in zip(*rows)]
        for first, *others in rows:
            cells = [f"{cell:>{width}}" for cell, width in zip(others, widths[1:])]
            self.say("  ".join([f"{first:<{widths[0]}}", *cells]).rstrip())


def _many(count: int) -> str:
    return f"{count:,}" if count < MANY else "10^18 or more"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _listed(names: list[str]) -> str:
    """Return names as a list in a sentence, not more than five."""
    if len(names) > 5:
        names = [*names[:4], f"{len(names) - 4} more"]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _shortened(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return rows that fit on a screen: those in the middle are counted."""
    if len(rows) <= 16:
        return [*rows]
    return [*rows[:5], (f"… {len(rows) - 15} more …", *[""] * (len(rows[0]) - 1)), *rows[-10:]]


def _is_pipe_or_file(stream: TextIO) -> bool:
    """Whether a stream is neither a terminal nor what stands for one."""
    try:
        return not stat.S_ISCHR(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


@contextmanager
def _noting_interrupts() -> Iterator[list[int]]:
    """Note Ctrl-C in a list: a KeyboardInterrupt could come between a grad and what is known about it."""
    interrupts: list[int] = []
    try:
        earlier = signal.signal(signal.SIGINT, lambda number, frame: interrupts.append(number))
    except ValueError:  # Only the main thread gets Ctrl-C, and only there may this be asked for.
        yield interrupts
        return
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, earlier)


@contextmanager
def _completing_whole_names() -> Iterator[None]:
    """Let readline take C[1,2] for one word."""
    try:
        import readline
    except ImportError:
        yield
        return
    delimiters = readline.get_completer_delims()
    readline.set_completer_delims(" ")
    try:
        yield
    finally:
        readline.set_completer_delims(delimiters)
