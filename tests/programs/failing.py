"""A forward pass that fails: the probability is rounded to 1, and the logarithm of 0 does not exist."""

from microgrid import Value


def cross_entropy(logit):
    p = logit.sigmoid()
    return -(1 - p).log()


logit = Value(40.0)
loss = cross_entropy(logit)
loss.backward()
print(logit.grad)
