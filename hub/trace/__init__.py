"""Questions about who was where, and beside whom. docs/reference/trace.md has the functions."""
