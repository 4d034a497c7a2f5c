"""Questions to the lineage graph: what a thing came from, and what came of it."""
