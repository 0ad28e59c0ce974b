"""How TFLite models are made and run."""
