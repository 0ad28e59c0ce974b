"""Numbers of nodes, under the name that views know."""

from profilers.analysis.node_figures import NodeFigures, node_figures

__all__ = ["NodeFigures", "node_figures"]
