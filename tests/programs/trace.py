"""A graph drawn by what micrograd's users know as trace and draw_dot, which read _prev and _op."""

from graphviz import Digraph
from micrograd.engine import Value


def trace(root):
    nodes, edges = set(), set()

    def visit(node):
        if node not in nodes:
            nodes.add(node)
            for child in node._prev:
                edges.add((child, node))
                visit(child)

    visit(root)
    return nodes, edges


def draw_dot(root):
    dot = Digraph(graph_attr={"rankdir": "LR"})
    nodes, edges = trace(root)
    for node in nodes:
        label = f"{{ {node.name} | data {node.data:.4f} | grad {node.grad:.4f} }}"
        dot.node(str(id(node)), label, shape="record")
        if node._op:
            dot.node(f"{id(node)}{node._op}", node._op)
            dot.edge(f"{id(node)}{node._op}", str(id(node)))
    for child, node in edges:
        dot.edge(str(id(child)), f"{id(node)}{node._op}")
    return dot


Value.name = ""
x = Value(1.0)
x.name = "x"
y = (x * 2 + 1).relu() ** 2 + x * x
y.name = "y"
y.backward()
nodes, edges = trace(y)
print(x.grad, len(nodes), len(edges), sorted(node._op for node in nodes))
print(sorted(line.split("label=")[1] for line in draw_dot(y).source.splitlines() if "label=" in line))
