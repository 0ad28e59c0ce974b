"""Names of what a distributed run leaves in a capture folder. Standard library only."""

REQUEST_FILE = "request.json"  # what each rank is asked to do
BACKEND = "backend"  # key in that file: what carries the collectives
ERROR_FILE = "error.json"  # of a rank that failed
CLOCK = "clock"  # key in a rank's record: its clock against that of rank 0
SHARDS = "shard_bytes"  # key in a rank's record: bytes that it holds of each parameter
UNITS = "gathered_together"  # key in a rank's record: names of parameters by the path of a module
END_FILE = "end"  # asks the ranks to measure no further sizes
RANKS = "ranks"  # key in the run's record: how many there are


def rank_folder(rank: int) -> str:
    return f"rank{rank}"
