"""How Keras models are run, on whichever backend."""
