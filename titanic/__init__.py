"""The network of an exercise sheet, on passengers of the Titanic, built node by node on microgrid."""
