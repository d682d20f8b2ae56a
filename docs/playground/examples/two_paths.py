# Two paths
# x reaches y in two ways. Its gradient is the sum over both.
from microgrid import Value

x = Value(3.0)
w = Value(-2.0)
y = x * w + x
y.backward()
print(f"dy/dx = w + 1 = {x.grad}")
