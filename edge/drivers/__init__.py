"""One abstract class a device, its real drivers and its simulator."""
