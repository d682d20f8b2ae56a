"""The distance of two points that meet: inf · 0 is nan, and all gradients below are."""

from microgrid import Value

a = [Value(2.0), Value(1.0)]
b = [Value(2.0), Value(1.0)]
squares = [(p - q) ** 2 for p, q in zip(a, b)]
distance = (squares[0] + squares[1]).sqrt()
loss = 3 * distance + a[0]
loss.backward()
print(a[0].grad)
