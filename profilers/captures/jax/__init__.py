"""What JAX's run modes leave, read into Profiles."""
