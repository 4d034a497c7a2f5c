"""Composition only: the wire in one ASGI app, and how it is started."""
