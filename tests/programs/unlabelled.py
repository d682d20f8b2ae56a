"""A neuron without a label: every Value is called by the variable that holds it."""

from microgrid import Value


def neuron(x, w, b):
    z = x[0] * w[0] + x[1] * w[1] + b
    return z.tanh()


x = [Value(2.0), Value(0.5)]
w = [Value(-3.0), Value(1.0)]
params = {"b": Value(6.5)}
y = neuron(x, w, params["b"])
y.backward()
print(w[0].grad)
