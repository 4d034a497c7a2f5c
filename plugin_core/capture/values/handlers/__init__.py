"""Handlers of known libraries, one module each, imported on first use. The library is loaded when its values exist."""
