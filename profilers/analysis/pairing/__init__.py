"""Which nodes of one profile are the counterparts of which nodes of another."""
