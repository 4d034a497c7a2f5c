"""Orchestrator-neutral automatic recording: what an adapter reports becomes the record."""
