"""The contract of the MQTT feed, shared by gate and hub; imports neither."""
