"""The daemon of one gate: reads codes and temperatures, decides, opens, records, publishes."""
