"""How TensorFlow models are run: graph, eager, XLA, over several devices or processes, attached to."""
