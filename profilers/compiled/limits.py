"""What the compiled loops and their callers agree on; imports nothing."""

NO_TIME = -(2**63)  # stands for a time that is missing or no number
LARGEST_NS = 4 * 10**18  # 126 years; times beyond it are no times
LONGEST_NS = 2**60  # 36 years: sums with any time stay within int64
PADDING = 128  # bytes that must be readable behind a text
DONE, CLOSED, ODD, CUT, NO_ROOM = range(5)  # how a scan ended
