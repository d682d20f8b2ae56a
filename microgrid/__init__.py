"""See how reverse-mode automatic differentiation works, one scalar at a time."""
