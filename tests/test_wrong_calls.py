"""What a student calls by mistake: each is an error of one line that says what to do instead."""

import math
from pathlib import Path

import numpy as np
import pytest

import microgrid
from microgrid import Value, nn
from titanic.network import Network
from titanic.passengers import embedded
from titanic.training import train

NUMBER = "takes a real number, such as 2.0, not the "
TOO_LARGE = "this int is too large for a float: keep it below 1.8e308"
ROOT = "give the Value that the computation ends in"
RETURNS = "gradcheck takes a function that returns a Value, but this one returned "
PRICES = "a list with an entry for each passenger"
FEATURES = "give age, class and survived"

# The call, the type of its error, and the part of the message that says what to do instead.
WRONG_CALLS: list[tuple[str, type[Exception], str]] = [
    # What is not a number; of an operator's operands Python says so itself
    ("Value([1.0, 2.0])", TypeError, f"{NUMBER}list [1.0, 2.0]"),
    ("Value('3')", TypeError, f"{NUMBER}str '3'"),
    ("Value(None)", TypeError, "takes a real number, such as 2.0, not None"),
    ("Value(1j)", TypeError, f"{NUMBER}complex 1j"),
    ("Value(math.exp)", TypeError, f"{NUMBER}builtin_function_or_method <built-in function exp>"),
    ("Value(Value(1))", TypeError, f"{NUMBER}Value(data=1.0, grad=0.0)"),
    ("Value(x * x)", TypeError, f"{NUMBER}Value(data=4.0, grad=0.0, op='*': x * x)"),
    ("Value.sum([[x, x], [x, x]])", TypeError, f"{NUMBER}list [Value(data=2.0, "),
    ("Value.sum(np.ones((2, 2)))", TypeError, f"{NUMBER}ndarray array([1., 1.])"),
    ("Value(10**400)", OverflowError, TOO_LARGE),
    ("x + 10**400", OverflowError, TOO_LARGE),
    ("10**400 * x", OverflowError, TOO_LARGE),
    # What was assigned to the data of a leaf
    ("forgotten.backward()", TypeError, "assign a float, as in w.data = w.data - 0.1 * w.grad"),
    ("draw(forgotten)", TypeError, "assign a float, as in w.data = w.data - 0.1 * w.grad"),
    ("list(backward_steps(forgotten))", TypeError, "the data of w is the Value(data=-1.0, "),
    ("unroll(forgotten, [])", TypeError, "assign a float, as in w.data = w.data - 0.1 * w.grad"),
    # Labels and sums
    ("Value(1, label=3)", TypeError, "a label is a string, such as 'x', not the int 3"),
    ("Value(1, 2)", TypeError, "a label is a string, such as 'x', not the int 2"),
    ("Value(1, label=None)", TypeError, "a label is a string, such as 'x', not None"),
    ("draw(relabelled)", TypeError, "a label is a string, such as 'x', not the int 3"),
    ("debug(relabelled)", TypeError, "a label is a string, such as 'x', not the int 3"),
    ("unroll(relabelled, [])", TypeError, "a label is a string, such as 'x', not the int 3"),
    ("Value.sum(3)", TypeError, "Value.sum takes a list of Values, not the int 3"),
    ("Value.sum(x)", TypeError, "takes a list of Values, not the Value(data=2.0, "),
    ("Value.sum(None)", TypeError, "takes a list of Values, not None"),
    # A root that is not a Value
    ("Value.backward(2.0)", TypeError, ROOT),
    ("topological_order(2.0)", TypeError, ROOT),
    ("topological_order(None)", TypeError, ROOT),
    ("topological_order([y])", TypeError, ROOT),
    ("list(backward_steps(2.0))", TypeError, ROOT),
    ("debug(y.data)", TypeError, ROOT),
    ("debug(y.backward())", TypeError, ROOT),
    ("debug(forward)", TypeError, ROOT),
    ("draw(2.0)", TypeError, ROOT),
    ("draw([y, x])", TypeError, ROOT),
    ("draw(2.0, fold=True)", TypeError, ROOT),
    ("draw(forward)", TypeError, ROOT),
    ("write_page(2.0, 'page.html')", TypeError, ROOT),
    ("write_animation([y], 'y.svg')", TypeError, ROOT),
    ("show([y])", TypeError, ROOT),
    ("write_page(forward, 'page.html')", TypeError, ROOT),
    ("show(2.0)", TypeError, ROOT),
    ("unroll(2.0, [x])", TypeError, ROOT),
    ("unroll([y], [x])", TypeError, ROOT),
    # What the views are told beside the root
    ("draw(y, parameters=x)", TypeError, "takes a list of Values, not the Value(data=2.0, "),
    ("draw(y, parameters=['x'])", TypeError, "takes Values, not the str 'x'"),
    ("draw(y, parameters=[y])", ValueError, "parameters are leaves"),
    ("draw(y, highlight='x')", TypeError, "highlight is a Value or a pair (Value, position)"),
    ("draw(y, highlight=Value(1))", ValueError, "is not in this graph"),
    ("draw(y, rankdir='lr')", ValueError, "rankdir is LR, TB, RL or BT"),
    ("draw(y, max_nodes=1)", ValueError, "fold it (fold=True), draw a smaller graph, or raise max_nodes"),
    ("write_page(y, folder)", IsADirectoryError, "Is a directory"),
    ("write_page(y, folder / 'none' / 'page.html')", FileNotFoundError, "No such file or directory"),
    ("write_animation(y, folder)", IsADirectoryError, "Is a directory"),
    ("write_animation(Value.sum([y] * 200), 'y.svg')", ValueError, "take a smaller one, or write its page"),
    ("show(Value.sum([Value(1) for _ in range(1000)]))", ValueError, "step through it with debug(root)"),
    ("unroll(y, x)", TypeError, "inputs takes a list of Values, not the Value(data=2.0, "),
    ("unroll(y, [2.0])", TypeError, "inputs takes Values, not the float 2.0"),
    ("unroll(y, [y])", ValueError, "an input is a leaf, and the Value(data=4.0, "),
    ("unroll(y, [x, Value(1), x])", ValueError, "label='x') is given twice among the inputs: once is enough"),
    ("unroll(y, [x], wrt=x)", TypeError, "wrt takes a list of Values, not the Value(data=2.0, "),
    ("unroll(y, [x], wrt=[Value(1)])", ValueError, "the root does not depend on the Value(data=1.0, "),
    ("why(2.0, x)", TypeError, ROOT),
    ("why(y, 'x')", TypeError, "why(root, node) takes a node, a Value, not the str 'x'"),
    (
        "why(tripled, tripled.operands[0])",
        ValueError,
        "3 is a constant: its gradient is not computed; give a",
    ),
    ("gradcheck(y)", TypeError, "write gradcheck(lambda x: x * x, 3.0)"),
    ("gradcheck(2.0, 3.0)", TypeError, "write gradcheck(lambda x: x * x, 3.0)"),
    ("gradcheck(lambda x: x.data, 3.0)", TypeError, f"{RETURNS}the float 3.0"),
    ("gradcheck(lambda x: None, 3.0)", TypeError, f"{RETURNS}None"),
    ("gradcheck(lambda x: [], 3.0)", TypeError, f"{RETURNS}the list []"),
    ("gradcheck(lambda x: x * x, [3.0])", TypeError, f"{NUMBER}list [3.0]"),
    # An unrolled program
    ("program()", TypeError, "takes 1 number, (x), and was given 0"),
    ("program(1.0, 2.0)", TypeError, "takes 1 number, (x), and was given 2"),
    ("program('3')", TypeError, f"{NUMBER}str '3'"),
    ("program(Value(1), '3')", TypeError, "takes 1 number, (x)"),
    ("program([3.0])", TypeError, f"{NUMBER}list [3.0]"),
    ("program(10**400)", OverflowError, TOO_LARGE),
    # nn
    ("nn.Neuron(2)([1.0])", ValueError, "a neuron with 2 weights takes 2 inputs, not 1"),
    ("nn.Neuron(2)([1.0, 2.0, 3.0])", ValueError, "a neuron with 2 weights takes 2 inputs, not 3"),
    ("nn.Neuron(2)(1.0)", TypeError, "the inputs are a list"),
    ("nn.Layer(1, 2)(x)", TypeError, "the inputs are a list"),
    ("nn.MLP(2, [3, 1])([1.0])", ValueError, "a neuron with 2 weights takes 2 inputs"),
    ("nn.MLP(2, 3)", TypeError, "takes a list of the sizes of its layers, such as [3]"),
    ("nn.MLP(2, [])", ValueError, "give a list of sizes, such as [16, 1]"),
    # The sheet's network
    ("network.forward([[22, 3]], [7.25])", ValueError, FEATURES),
    ("network.forward([22, 3, 0], [7.25, 8.0, 9.0])", ValueError, FEATURES),
    ("network.forward([[22, 3, 0]], [7.25, 8.0])", ValueError, "give as many of each"),
    ("network.forward([[22, 3, 0]], 7.25)", TypeError, PRICES),
    ("network.forward([[22, 3, 0]], [[7.25]])", TypeError, f"{NUMBER}list [7.25]"),
    ("network.forward([[22, 3, 0]], ['7.25'])", TypeError, f"{NUMBER}str '7.25'"),
    ("network.forward([[22, x, 0]], [7.25])", ValueError, "make all of it the one or the other"),
    ("network.forward(passengers, passengers.y)", TypeError, PRICES),
    ("network.predict([22, 3, 0])", ValueError, FEATURES),
    ("network.predict(passengers)", TypeError, PRICES),
    ("list(train(network, [[22, 3]], [7.25], 1, 0.1))", ValueError, FEATURES),
    ("Network([[0.5] * 4] * 3, [[0.5]] * 5)", ValueError, "W1 is not a list of 4 rows"),
    ("Network([[0.5] * 4] * 4, [0.5] * 5)", ValueError, "W2, row 1 is not a list of 1 finite number"),
    ("Network(np.zeros((4, 4)), np.zeros((5, 1)))", ValueError, "W1 is not a list of 4 rows"),
    ("Network.load(missing)", ValueError, "give a weights.json that titanic wrote"),
    ("passengers.first(0)", ValueError, "ask for 1 or more"),
]


@pytest.fixture
def names(tmp_path: Path) -> dict[str, object]:
    """What the calls may use."""
    x = Value(2.0, label="x")
    y = x * x
    relabelled = x + 1
    relabelled.label = 3  # type: ignore[assignment]
    w = Value(1.0, label="w")
    forgotten = w * w
    w.data = w - 1.0 * 2.0  # type: ignore[assignment]
    passengers = embedded()
    network = Network.random(0)
    return {
        **{name: getattr(microgrid, name) for name in microgrid.__all__},
        **{"math": math, "np": np, "nn": nn, "Network": Network, "train": train},
        **{
            "x": x,
            "y": y,
            "tripled": 3 * x,
            "relabelled": relabelled,
            "forgotten": forgotten,
            "program": microgrid.unroll(y, [x]),
        },
        **{
            "passengers": passengers,
            "network": network,
            "missing": tmp_path / "weights.json",
            "folder": tmp_path,
        },
        "forward": network.forward(passengers.X, passengers.y),
    }


@pytest.mark.parametrize(("call", "kind", "instead"), WRONG_CALLS, ids=[call for call, _, _ in WRONG_CALLS])
def test_a_wrong_call_gets_one_line_that_says_what_to_do_instead(
    call: str, kind: type[Exception], instead: str, names: dict[str, object]
) -> None:
    with pytest.raises(kind) as caught:
        eval(call, names)
    message = str(caught.value)
    assert instead in message
    assert message.isprintable()
    assert len(message) < 200


def test_a_wrong_number_of_inputs_names_the_first_of_them_however_many_there_are() -> None:
    inputs = [Value(1.0, f"x[{i}]") for i in range(1000)]
    program = microgrid.unroll(Value.sum(inputs), inputs)
    with pytest.raises(TypeError, match=r"takes 1000 numbers, \(x_0, x_1, .*\.\.\.\), and was given 2$"):
        program(1.0, 2.0)
