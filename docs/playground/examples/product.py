# A product
from microgrid import Value

x = Value(3.0)
w = Value(-2.0)
y = x * w
y.backward()
print(f"dy/dx = w = {x.grad}, dy/dw = x = {w.grad}")
