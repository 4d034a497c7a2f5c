"""flowtrail records what pipelines do: runs, parameters, metrics, artifacts and lineage.

The public door. Names are resolved on first use, so that importing this package costs nothing.
"""
