"""The commands of edge-gate, one module each; edge.cli puts them together."""
