"""Which memory was held when, by what, and who made it."""
