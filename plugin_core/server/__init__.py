"""What stands in front of every route: who may ask what, how much, and what is kept of it."""
