"""All that is known of the picked node: `widget.NodeInspector`."""

from views.graph.inspector.widget import NodeInspector

__all__ = ["NodeInspector"]
