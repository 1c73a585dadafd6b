"""`edge-gate demo`: two gates, simulated people, a broker, a hub and an independent listener.

Only the devices are simulated: their frames are decoded, their bus is read byte by byte, their
pins switch; records go to disk and over MQTT as at any gate.
"""

from edge.demo.run import run_demo

__all__ = ["run_demo"]
