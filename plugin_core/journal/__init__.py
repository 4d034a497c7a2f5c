"""The write path's first stop: an append-only file of one process, and the drain that empties it into the store."""
