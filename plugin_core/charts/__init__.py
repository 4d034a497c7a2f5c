"""Evaluation payloads from labels and scores, computed with scikit-learn (imported on use)."""
