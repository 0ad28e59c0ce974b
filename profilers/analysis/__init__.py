"""Figures derived from a Profile: pure functions over its tables, a module per question."""
