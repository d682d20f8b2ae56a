"""A neuron that learns nothing: its input is negative, and relu lets no gradient through."""

from microgrid import Value

x = Value(2.0)
w = Value(-1.0)
b = Value(0.5)
h = (w * x + b).relu()
v = Value(3.0)
loss = (v * h - 1) ** 2
loss.backward()
print(w.grad, v.grad)
