"""What exists: pure frozen values. No I/O, no clock, no environment."""
