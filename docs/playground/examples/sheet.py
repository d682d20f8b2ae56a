# The sheet's network, one passenger
from titanic.network import Network
from titanic.passengers import Scaling, embedded

passengers = embedded()
network = Network.random(seed=0, scaling=Scaling.of(passengers.X))
first = passengers.first(1)
forward = network.forward(first.X, first.y)
forward.L.backward()
print(f"loss {forward.L.data:.1f}")
