"""For tests of code that uses flowtrail, and of stores: shipped, imported by no other room."""
