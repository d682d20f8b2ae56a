# A dead relu
# h is 0, and no gradient passes it: w and b learn nothing. Drag b above 1.5.
from microgrid import Value

x = Value(2.0)
w = Value(-1.0)
b = Value(0.5)
v = Value(3.0)
h = (w * x + b).relu()
loss = (v * h - 1) ** 2
loss.backward()
print(f"gradients: w {w.grad}, b {b.grad}, v {v.grad}")
