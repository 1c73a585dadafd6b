"""Who a person is, shared by gate and hub; imports neither."""
