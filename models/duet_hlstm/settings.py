"""The settings of DuetHLSTM, without Keras.

Citation and original code: see `musegen.models.duet_hlstm.duet_hlstm`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from musegen import Error
from musegen.music.layout import TRACKS

N_STEPS = 8  # steps of a bar
ORDER = ("piano", "strings", "guitar", "bass", "drums")  # of five tracks; the first leads
ROLES = ("melody", "accomp", "accomp2", "accomp3", "accomp4")  # names of their layers
HEADS = ("softmax", "sigmoid")
GATES = ("sigmoid", "hard_sigmoid")
WIRINGS = ("cascade", "star")
DECODES = ("round", "absolute", "relative", "nearest", "bernoulli")
FEEDBACKS = ("decided", "real")
WITH_THRESHOLD = ("absolute", "relative", "bernoulli")
THRESHOLD = 0.15  # by default
DECODE_OF = {"softmax": "relative", "sigmoid": "round"}  # by default


def check_tracks(tracks: tuple[str, ...]) -> None:
    """Raises an `Error` unless these are names of tracks, each at most once."""
    unknown = [name for name in tracks if name not in TRACKS]
    if unknown or not tracks or len(set(tracks)) < len(tracks):
        raise Error(
            f"tracks {' '.join(map(str, tracks)):.60}: give one to five of {', '.join(TRACKS)}, "
            "each once"
        )


@dataclass(frozen=True)
class DuetSettings:
    """The settings of one network, and of how it continues music.

    Args:
        tracks: names of the tracks, the melody first; the duet has two.
        window: number of steps W that the network reads before it predicts the next.
        wiring: tracks that the accompaniments after the first depend on: with `"cascade"` all
            tracks before them, with `"star"` only the melody. With two tracks both are the same.
        head: activation of the output, `"softmax"` over the pitches of a track, or `"sigmoid"`.
        gates: activation of the LSTM gates, `"sigmoid"`, or `"hard_sigmoid"` as in Keras 2.
        decode: rule by which outputs become notes; see `musegen.models.duet_hlstm.decisions`.
        threshold: by the rule `absolute`, least output that becomes a note; by the rule `relative`,
            a track is silent if its largest output is below it. Predictions of a network whose rule
            is `bernoulli` are measured by `absolute`.
        carry: whether the state of the first LSTMs goes on from one step to the next while music is
            generated. Training begins every window with a state of zero.
        feedback: values that are read again while music is generated, the `"decided"` notes or the
            `"real"` numbers of the output.
        learns_last: whether the last step of a phrase is learned, too.
        by_phrases: whether a batch has the same window of many phrases, once for each window in
            random order, as in the original code; otherwise windows of any place are mixed.
        evaluated: number of phrases in a row of the tables.
        widths: numbers of units of the first and the second LSTM of a track.
    """

    tracks: tuple[str, ...] = ("piano", "strings")
    window: int = 4
    wiring: str = "cascade"
    head: str = "softmax"
    gates: str = "sigmoid"
    decode: str = "relative"
    threshold: float = THRESHOLD
    carry: bool = False
    feedback: str = "decided"
    learns_last: bool = True
    by_phrases: bool = False
    evaluated: int = 50
    widths: tuple[int, int] = (84, 32)

    def __post_init__(self):
        known = {"wiring": WIRINGS, "head": HEADS, "gates": GATES, "decode": DECODES}
        for name, values in (known | {"feedback": FEEDBACKS}).items():
            value = getattr(self, name)
            if value not in values:
                raise Error(f"{name} {value!r:.40}: choose {', '.join(values)}")
        check_tracks(self.tracks)
        if type(self.window) is not int or not 1 <= self.window <= 1024:
            raise Error(f"window {self.window!r:.40}: a number of steps from 1 to 1024 is needed")
        if type(self.threshold) not in (int, float) or not 0 < self.threshold < 1:
            raise Error(f"threshold {self.threshold!r:.40}: a number between 0 and 1 is needed")
        if self.decode == "bernoulli" and self.head == "softmax":
            raise Error("decode bernoulli: draws notes that do not depend on each other, and so "
                        "needs the head sigmoid")  # fmt: skip

    def n_windows(self, n_steps: int) -> int:
        """Returns the number of windows of a phrase of so many steps that are learned."""
        return n_steps - self.window - (not self.learns_last)


PAPER = DuetSettings()
PRESETS = {
    "paper": PAPER,
    "repo": DuetSettings(
        head="sigmoid",
        gates="hard_sigmoid",
        decode="round",
        carry=True,
        feedback="real",
        learns_last=False,
        by_phrases=True,
        evaluated=20,
    ),
}


def changed(preset: str, changes: Mapping[str, Any]) -> DuetSettings:
    """Returns the settings of a preset with changes; a head brings its own rule for notes."""
    rule = {"decode": DECODE_OF[changes["head"]]} if changes.get("head") in DECODE_OF else {}
    return replace(PRESETS[preset], **(rule | dict(changes)))
