"""How fast the engine is, beside others on the same work; `make bench` prints the table."""
