"""The registry: parks, their sites and gates, and the roster of people."""
