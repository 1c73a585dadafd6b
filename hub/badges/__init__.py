"""Badges and posters on paper: laid out once in millimetres, drawn as PDF or PNG."""
