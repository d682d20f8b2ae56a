"""See how reverse-mode automatic differentiation works, one scalar at a time."""

from microgrid.value import Value, topological_order

__all__ = ["Value", "topological_order"]
