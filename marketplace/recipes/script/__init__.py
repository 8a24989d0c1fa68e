"""Plain core-hours: the customer's own Python script, for up to the time bought."""
