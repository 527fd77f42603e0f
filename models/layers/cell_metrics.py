"""Metrics of binary music that training reports beside the loss."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("musegen")
class ActiveF1(keras.metrics.Metric):
    """The F1 score of the cells that are on, over all cells of an epoch.

    Args:
        threshold: value above which a cell is on, in the targets and in the predictions.
    """

    def __init__(self, threshold: float = 0.0, name: str = "f1", **kwargs):
        super().__init__(name=name, **kwargs)
        self.threshold = threshold
        for part in ("hits", "predicted", "true"):
            setattr(self, part, self.add_variable((), "zeros", name=part))

    def update_state(self, y_true, y_pred, sample_weight=None):
        true = ops.cast(ops.cast(y_true, "float32") > self.threshold, "float32")
        predicted = ops.cast(y_pred > self.threshold, "float32")
        self.hits.assign_add(ops.sum(true * predicted))
        self.predicted.assign_add(ops.sum(predicted))
        self.true.assign_add(ops.sum(true))

    def result(self):
        return 2 * self.hits / ops.maximum(self.predicted + self.true, 1.0)

    def get_config(self):
        return super().get_config() | {"threshold": self.threshold}


@keras.saving.register_keras_serializable("musegen")
class CellAccuracy(keras.metrics.MeanMetricWrapper):
    """The share of cells that are on, or off, in both the target and the prediction.

    Args:
        threshold: value above which a cell is on, in the targets and in the predictions.
    """

    def __init__(self, threshold: float = 0.0, name: str = "accuracy", **kwargs):
        super().__init__(_same_side, name=name, threshold=threshold, **kwargs)
        self.threshold = threshold

    def get_config(self):
        return {"name": self.name, "dtype": self.dtype, "threshold": self.threshold}


def _same_side(y_true, y_pred, threshold: float):
    true = ops.cast(y_true, "float32") > threshold
    return ops.mean(ops.cast(ops.equal(true, y_pred > threshold), "float32"), axis=-1)
