"""Copies and pickles of graphs of any depth: left alone, copy.deepcopy and pickle recurse too deep.

Importing this module is enough: it registers with copyreg, which both of them ask. Values that are copied or
pickled together keep what they share: pickle.dumps([loss, w]) has one w.
"""

import copyreg
from collections.abc import Iterator
from threading import local

from microgrid.value import Value, topological_order

_ATTRIBUTES = [name for name in Value.__slots__ if name != "__weakref__"]


class _Pass(local):
    """The nodes that are being written in this thread, operands before results."""

    nodes: frozenset[Value] = frozenset()


_pass = _Pass()


class _InOrder(list[Value]):
    """Nodes to be written in order, so that each finds its operands already written."""

    def __reduce_ex__(self, protocol: object) -> tuple[type, tuple[()], None, Iterator[Value]]:
        return list, (), None, self._written()

    def _written(self) -> Iterator[Value]:
        if not self:
            return
        outer, _pass.nodes = _pass.nodes, _pass.nodes.union(self)
        try:
            yield from self
        finally:
            _pass.nodes = outer


def _reduce(node: Value) -> tuple[object, ...]:
    """Return how to make a node again: after all nodes under it, from its attributes."""
    below = [] if node in _pass.nodes else topological_order(node)[:-1]
    return _blank, (_InOrder(below),), (None, {name: getattr(node, name) for name in _ATTRIBUTES})


def _blank(below: list[Value]) -> Value:
    return object.__new__(Value)


copyreg.pickle(Value, _reduce)  # type: ignore[arg-type]  # typeshed has no state that is a pair
