"""The `flowtrail` command: parses, calls, prints."""
