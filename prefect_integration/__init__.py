"""Prefect flows that record themselves."""
