"""Gradient descent on a parabola through four points; the grads of each epoch in full, one never zeroed."""

from microgrid import Value

points = [(-1.0, 2.3), (0.0, 0.1), (1.0, 1.7), (2.0, 7.9)]
a, b, c = Value(0.3), Value(-0.2), Value(0.0)

for epoch in range(5):
    errors = [a * x * x + b * x + c - y for x, y in points]
    loss = Value.sum([error**2 for error in errors]) / len(points)
    a.grad = b.grad = 0
    loss.backward()
    print(epoch, loss.data.hex(), *[p.grad.hex() for p in (a, b, c)])
    for p in (a, b, c):
        p.data -= 0.02 * p.grad
