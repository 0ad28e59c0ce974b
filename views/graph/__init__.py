"""The graph view: `view.GraphView`."""
