"""What captures of XLA's profiler share, whichever framework ran: loops, training, memory, reports."""
