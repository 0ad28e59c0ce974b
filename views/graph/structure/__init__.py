"""What lies in what in a graph, and the edges between folded boxes. No Qt."""
