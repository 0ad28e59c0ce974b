"""Two columns compared: verdicts, figures, and where the difference comes from."""

from views.comparison.view import ComparedColumn, ComparisonView

__all__ = ["ComparedColumn", "ComparisonView"]
