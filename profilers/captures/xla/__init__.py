"""What XLA made of the models of any framework, tied to their graphs."""
