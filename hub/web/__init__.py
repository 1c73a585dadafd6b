"""What managers and tracers see: pages rendered on the server, live, in Vietnamese and English."""
