"""How PyTorch models are run: eager, compiled, exported, scripted, packaged, over several processes."""
