"""micrograd's demo: a network of 337 parameters learns to tell two moons apart."""

import math
import random

from micrograd.engine import Value
from micrograd.nn import MLP

random.seed(1337)


def moon(upper):
    angle = random.uniform(0, math.pi)
    x, y = math.cos(angle), math.sin(angle)
    noise = random.gauss(0, 0.1), random.gauss(0, 0.1)
    return [x + noise[0], y + noise[1]] if upper else [1 - x + noise[0], 0.5 - y + noise[1]]


labels = [1, -1] * 6
points = [moon(label == 1) for label in labels]

model = MLP(2, [16, 16, 1])
print(model)
print("number of parameters", len(model.parameters()))

for step in range(3):
    inputs = [list(map(Value, point)) for point in points]
    scores = list(map(model, inputs))
    losses = [(1 + -label * score).relu() for label, score in zip(labels, scores)]
    data_loss = sum(losses) * (1.0 / len(losses))
    reg_loss = 1e-4 * sum(p * p for p in model.parameters())
    total_loss = data_loss + reg_loss
    right = sum((label > 0) == (score.data > 0) for label, score in zip(labels, scores))

    model.zero_grad()
    total_loss.backward()
    print(f"{step} {total_loss.data:.9g} {right} {sum(abs(p.grad) for p in model.parameters()):.9g}")
    for p in model.parameters():
        p.data -= (1.0 - 0.9 * step / 3) * p.grad
