"""Facts and figures of single nodes, and finding nodes by them."""
