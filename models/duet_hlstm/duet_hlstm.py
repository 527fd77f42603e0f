"""DuetHLSTM: it reads the last half bar of two tracks and predicts their next eighth of a bar.

Each track has two LSTMs. The first reads the steps of the window; that of the accompaniment does
not read notes, but the output of the melody's, so that it follows the melody. The second sums up
the window in one vector; that of the accompaniment reads the notes of the accompaniment as well.

    melody (B, 4, 84) -> LSTM 84 -> u0 -> LSTM 32 -> dense 84 -> next step of the melody
    u0 -> LSTM 84 -> u1, beside the accompaniment -> LSTM 32 -> dense 84 -> its next step

With more tracks, which the report names as future work and this project designed, the first LSTM
of each further track reads that of the track before it and its notes (`cascade`), or only the
melody's (`star`).

J. Huang, M. Ji, D. Martin: "DuetHLSTM: A Hierarchical LSTM Model for Two-Track Music Generation",
class project, Carnegie Mellon University, 2019. Original code: `music_gen.py` of
github.com/redoctopus/Music-Generation.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import count

import keras
from keras import layers, ops

from musegen.models.duet_hlstm.decisions import decided, steady
from musegen.models.duet_hlstm.settings import PAPER, PRESETS, ROLES, DuetSettings
from musegen.models.layers.cell_metrics import ActiveF1
from musegen.models.layers.lstm import LSTM, hard_sigmoid
from musegen.music.layout import N_PITCHES


def duet_hlstm(settings: DuetSettings = PAPER, name: str = "duet-hlstm") -> keras.Model:
    """Builds the network, from a window `(B, W, 84)` of each track to `(B, 84 * tracks)`.

    The outputs are the next step of the tracks, side by side.

    Example:
        >>> duet_hlstm().count_params()
        159816
    """
    first, second = settings.widths
    gate = hard_sigmoid if settings.gates == "hard_sigmoid" else "sigmoid"
    parts = []
    for k, role in enumerate(roles(settings)):
        parts += [
            LSTM(first, recurrent_activation=gate, return_sequences=True, name=f"{role}_lstm1"),
            LSTM(second, recurrent_activation=gate, name=f"{role}_lstm2"),
            layers.Dense(N_PITCHES, settings.head, dtype="float32", name=head_name(k)),
        ]
    windows = [
        keras.Input((settings.window, N_PITCHES), name=f"{role}_input") for role in roles(settings)
    ]
    outputs = connected({part.name: part for part in parts}, windows, settings)
    return keras.Model(windows, outputs, name=name)


def with_state(network: keras.Model, settings: DuetSettings) -> keras.Model:
    """Returns a network of the same layers, whose first LSTMs begin in a given state.

    Its last input is the state, h and c of each track `(B, tracks, 2, 84)`.
    """
    state = keras.Input((len(settings.tracks), 2, settings.widths[0]), name="state")
    parts = {part.name: part for part in network.layers}
    outputs = connected(parts, network.inputs, settings, state)
    return keras.Model([*network.inputs, state], outputs, name=network.name)


def roles(settings: DuetSettings) -> tuple[str, ...]:
    """Returns the names that the layers of the tracks begin with."""
    return ROLES[: len(settings.tracks)]


def width(settings: DuetSettings, k: int) -> int:
    """Returns the number of features that the first LSTM of a track reads."""
    if k == 0:
        return N_PITCHES
    return settings.widths[0] + N_PITCHES * (k > 1 and settings.wiring == "cascade")


def head_name(k: int) -> str:
    """Returns the name of the last layer of a track, as Keras gave it in the original code."""
    return f"dense_{k}" if k else "dense"


def connected(
    parts: Mapping[str, layers.Layer], windows: Sequence, settings: DuetSettings, state=None
):
    """Applies layers, by their names, to the windows of all tracks; returns the outputs."""

    def first(k: int, x):
        begin = None if state is None else [state[:, k, 0], state[:, k, 1]]
        return parts[f"{roles(settings)[k]}_lstm1"](x, initial_state=begin)

    def second(k: int, x):
        return parts[f"{roles(settings)[k]}_lstm2"](x)

    joins = count()

    def beside(a, b):
        k = next(joins)
        return layers.Concatenate(name=f"concatenate_{k}" if k else "concatenate")([a, b])

    vectors = wired(windows, first, second, beside, settings.wiring)
    heads = [parts[head_name(k)](vector) for k, vector in enumerate(vectors)]
    return layers.Concatenate(name="output")(heads) if len(heads) > 1 else heads[0]


def wired(
    windows: Sequence, first: Callable, second: Callable, beside: Callable, wiring: str
) -> list:
    """Applies the LSTMs of all tracks to their windows.

    Args:
        windows: notes of each track `(B, W, 84)`, the melody first.
        first: function from the number of a track and a sequence to the output of its first LSTM.
        second: the same for its second LSTM, whose output is one vector.
        beside: function that joins two sequences, step by step.
        wiring: name of the tracks that later accompaniments depend on; see `DuetSettings`.

    Returns:
        A vector for each track.
    """
    above, vectors = [], []
    for k, notes in enumerate(windows):
        if k == 0:
            source = notes
        elif k == 1 or wiring == "star":
            source = above[0]
        else:
            source = beside(above[k - 1], windows[k - 1])
        above.append(first(k, source))
        vectors.append(second(k, above[k] if k == 0 else beside(above[k], notes)))
    return vectors


# Training.


def of_track(y_true, y_pred, track: int | None, rule: str, threshold: float) -> tuple:
    """Returns the true and the decided cells of one track, or of all, `(B, tracks, 84)`."""
    true, p = (
        ops.reshape(ops.cast(y, "float32"), (-1, y.shape[-1] // N_PITCHES, N_PITCHES))
        for y in (y_true, y_pred)
    )
    own = slice(None) if track is None else slice(track, track + 1)
    return true[:, own], decided(p[:, own], steady(rule), threshold)


@keras.saving.register_keras_serializable("musegen")
class DecidedF1(ActiveF1):
    """The F1 score of the cells that are on, by the rule that decides them.

    Args:
        track: number of the track, or None for all.
        rule: rule by which outputs become notes; see `decisions`.
        threshold: threshold of the rule.
        name: name of the metric.
    """

    def __init__(self, track: int | None, rule: str, threshold: float, name: str, **options):
        super().__init__(threshold, name, **options)
        self.track, self.rule = track, rule

    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(*of_track(y_true, y_pred, self.track, self.rule, self.threshold))

    def get_config(self):
        return super().get_config() | {"track": self.track, "rule": self.rule}


@keras.saving.register_keras_serializable("musegen")
class DecidedDensity(keras.metrics.Mean):
    """The share of cells that the network turns on; the arguments are those of `DecidedF1`."""

    def __init__(self, track: int | None, rule: str, threshold: float, name: str, **options):
        super().__init__(name, **options)
        self.track, self.rule, self.threshold = track, rule, threshold

    def update_state(self, y_true, y_pred, sample_weight=None):
        cells = of_track(y_true, y_pred, self.track, self.rule, self.threshold)[1]
        super().update_state(cells)

    def get_config(self):
        own = {"track": self.track, "rule": self.rule, "threshold": self.threshold}
        return super().get_config() | own


def compiled(
    model: keras.Model,
    settings: DuetSettings,
    optimizer: keras.optimizers.Optimizer,
    jit_compile: bool | str = "auto",
) -> keras.Model:
    """Compiles the network with its loss and, for each track, F1 and density of its notes."""
    rule = settings.decode, settings.threshold
    metrics = [DecidedF1(None, *rule, "f1")]
    for k, track in enumerate(settings.tracks):
        metrics.append(DecidedF1(k, *rule, f"f1_{track}"))
        metrics.append(DecidedDensity(k, *rule, f"density_{track}"))
    loss = keras.losses.BinaryCrossentropy()
    model.compile(optimizer, loss, metrics=metrics, jit_compile=jit_compile)
    return model


def networks(name: str, preset: str, n_steps: int) -> list[keras.Model]:
    """Builds the untrained network of a preset, which `musegen info` shows."""
    return [duet_hlstm(PRESETS[preset])]
