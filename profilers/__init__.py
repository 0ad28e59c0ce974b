"""Run models under their framework's profiler and read what was captured. No Qt here."""
