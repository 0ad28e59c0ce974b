"""Fill the cache of compiled loops."""

from profilers.compiled import compile_now

compile_now()
