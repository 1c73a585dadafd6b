"""What the hub watches: gates that fall silent, thermometers that drift, alarms."""
