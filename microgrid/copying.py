"""Copies and pickles of graphs of any depth: copy.deepcopy and pickle recurse, and would end in a long chain.

Importing this module is enough: it tells copyreg, which both ask, how a Value is taken apart. Values that are
copied or dumped together keep what they share: pickle.dumps([loss, w]) has one w.
"""

import copyreg
from collections.abc import Iterator
from threading import local

from microgrid.value import Value, topological_order

_ATTRIBUTES = [name for name in Value.__slots__ if name != "__weakref__"]


class _Pass(local):
    """The nodes that are being written at this moment, operands before results."""

    nodes: frozenset[Value] = frozenset()


_pass = _Pass()


class _InOrder(list[Value]):
    """Nodes that are written one after the other, so that each finds its operands written already."""

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
    """Return how a node is made again: after all nodes under it, from its attributes."""
    below = [] if node in _pass.nodes else topological_order(node)[:-1]
    return _made_again, (_InOrder(below),), (None, {name: getattr(node, name) for name in _ATTRIBUTES})


def _made_again(below: list[Value]) -> Value:
    return object.__new__(Value)


copyreg.pickle(Value, _reduce)  # type: ignore[arg-type]  # typeshed has no state that is a pair
