# Where nan comes from
# The slope of a root at 0 is inf, and inf · 0 is nan. Drag a.
from microgrid import Value

a = Value(2.0)
b = Value(2.0)
distance = ((a - b) ** 2).sqrt()
loss = 3 * distance
loss.backward()
print(f"dloss/da = {a.grad}")
