"""What devices did, and what they waited for."""
