"""From scenes to pictures: colours, layers, text."""
