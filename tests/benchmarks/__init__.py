"""How fast the engine is, compared with others on the same work; `make bench` prints the tables."""
