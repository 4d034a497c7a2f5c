"""Composition only: the wire in one ASGI app, what stands in front of its routes, and how it is started."""
