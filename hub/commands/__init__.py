"""The commands of edge-hub, a module each."""
