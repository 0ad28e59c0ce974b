"""Reads what a run of a TensorFlow or Keras model left."""
