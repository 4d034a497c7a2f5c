"""Composition only: what is served, how it is started, and what stands in front of every route."""
