"""Evaluation payloads from labels and scores, computed with scikit-learn (imported on use).

Pure: nothing is recorded or drawn here. A caller that has no title for the user makes one up itself.
"""

from plugin_core.charts.classification import confusion_matrix, precision_recall, roc_curve

__all__ = ["confusion_matrix", "precision_recall", "roc_curve"]
