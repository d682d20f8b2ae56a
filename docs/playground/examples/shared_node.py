# A shared node
# h is used twice. It has both contributions before it gives any to x.
from microgrid import Value

x = Value(0.5)
h = x.tanh()
y = h * h + 2 * h
y.backward()
print(f"dy/dh = {h.grad}, dy/dx = {x.grad}")
