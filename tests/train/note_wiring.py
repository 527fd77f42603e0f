"""What a script that trains on notes gives its network, watched while nothing is learned.

A `NoteWatch` is a `wiring.Watch` whose data are songs that are known by their durations. In place
of the training on whole songs stands a function that does what the one for `keras.Model.fit` does.
"""

from types import ModuleType, SimpleNamespace

import keras
import numpy as np
import pytest
import toys
import wiring
from wiring import Seen, Watch

from musegen import plots
from musegen.data.note_store import write_pieces
from musegen.models.bachprop import song_training
from musegen.models.mvae import segment_reports
from musegen.models.triple_system import TripleSystem
from musegen.training import autodiff

N_SONGS, N_OTHERS = 20, 10
OTHER = (
    "--data {folder}/others.npz --val-split 0 --batch-size 5 --precision mixed_bfloat16 "
    "--half --no-jit --tensorboard --width 16"
)
TUNED = "--optimizer muon --learning-rate 0.5 --decay late"


class NoteWatch(Watch):
    """Watches a script on 20 songs, the first of which have the numbers 0 to 19 and 120 notes.

    Args:
        flags: flags of every run.
        optimizer: name of the optimizer by default.
    """

    def __init__(self, script: ModuleType, folder, flags: str = "", optimizer: str = "RMSprop"):
        super().__init__(script, folder, None, optimizer=optimizer, long=TUNED, other=OTHER)
        self.flags = (
            "--data {folder}/songs.npz --val-split 0.2 --epochs 1 --width 8 --batch-size 32 "
            f"{flags}"
        )
        write_pieces(folder / "songs.npz", [toys.even_song(k) for k in range(N_SONGS)])
        others = [toys.even_song(N_SONGS + k) for k in range(N_OTHERS)]
        write_pieces(folder / "others.npz", others)

    @staticmethod
    def stand_in(patch: pytest.MonkeyPatch, seen: Seen) -> None:
        Watch.stand_in(patch, seen)
        compiled = autodiff.compiled

        def watched(function, state, jit):
            seen.jit.append("auto" if jit else False)  # as Keras's own training is told
            return compiled(function, state, jit)

        def learn(training, batches, validation):
            network = training.network
            network.optimizer = training.optimizers["dT"]
            seen.metrics[id(network)] = ["accuracy"]
            pairs, held_out = (
                [(batch["notes"], batch["next"]) for batch in own] for own in (batches, validation)
            )
            logs = seen.fit(network, Pairs(pairs), Pairs(held_out) if held_out else None).history
            return {name: value for name, (value,) in logs.items()}

        def sampler(system, shown, options, run):
            seen.samples.append(SimpleNamespace(system=system, original=shown))
            return lambda epoch: None

        patch.setattr(autodiff, "compiled", watched)
        patch.setattr(song_training.SongTraining, "epoch", learn)
        patch.setattr(segment_reports, "sampler", sampler)
        patch.setattr(segment_reports, "evaluate", lambda *args: None)
        patch.setattr(plots, "by_attribute", lambda *args: None)

    def system(self, flags: str = "") -> TripleSystem:
        return self(flags).samples[0].system

    def songs(self, numbers: np.ndarray, flags: str = "") -> set[int]:
        """The songs that numbers or, of BachProp's own network, indices are from."""
        system = self.system(flags)
        known = system.dictionaries
        numbers = numbers + getattr(system, "has_tags", False)
        return toys.songs_in(numbers, known.T, 12 if known.unit == "grid" else 1)


class Pairs(list):
    """Batches as a list; see `wiring.as_arrays`."""


def held_out(watch: NoteWatch, flags: str = "") -> np.ndarray:
    return np.concatenate([x for x, _ in watch(flags).first.validation])


# How the effect of each flag is seen, in place of the function of that name in `wiring`.


def data(watch: NoteWatch) -> None:
    learned = watch.songs(watch().first.inputs)
    assert len(learned) == 16
    assert learned | watch.songs(held_out(watch)) == set(range(N_SONGS))
    others = watch.songs(watch(OTHER).first.inputs, OTHER)
    assert others == set(range(N_SONGS, N_SONGS + N_OTHERS))


def val_split(watch: NoteWatch) -> None:
    held = watch.songs(held_out(watch))
    assert len(held) == 4
    for epoch in watch("--seed 1 --epochs 3").epochs:
        inside = watch.songs(epoch.inputs, "--seed 1 --epochs 3")
        assert len(inside) == 16
        assert inside != set(range(N_SONGS)) - held  # other songs by another seed
    assert not held & watch.songs(watch().first.inputs)
    assert watch(OTHER).first.validation is None


def width(watch: NoteWatch) -> None:
    assert watch.system().settings.width == 8
    assert watch.system(OTHER).settings.width == 16


def recipe(watch: NoteWatch) -> None:
    """Quick has Adam, at a rate that falls to 0."""
    seen = watch("--recipe quick")
    assert isinstance(seen.model.optimizer, keras.optimizers.Adam)
    assert seen.first.rates == pytest.approx((2e-3, 0), abs=1e-9)


def optimizer(watch: NoteWatch) -> None:
    assert isinstance(watch(watch.long).model.optimizer, keras.optimizers.Muon)
    assert watch().model.optimizer.__class__.__name__ == watch.optimizer


def learning_rate(watch: NoteWatch) -> None:
    rate = 1e-4 if watch.optimizer == "RMSprop" else 1e-3
    assert watch(watch.long).first.rates[0] == 0.5
    assert watch().first.rates == pytest.approx((rate, rate))


SHARED = {name: own for name, own in wiring.OF_EVERY_SCRIPT.items() if name != "bars"}
SHARED |= {
    own.__name__: own for own in (data, val_split, width, recipe, optimizer, learning_rate)
} | {"decay": wiring.decay, "split_batch": wiring.split}


def shares(watch: NoteWatch) -> None:
    """Of every batch of eight, six segments are of the first source."""
    flags = "--data {folder}/songs.npz {folder}/others.npz --shares 0.75 0.25 --batch-size 8"
    for batch, _ in watch(flags).first.batches:
        first, second = (watch.songs(rows, flags) for rows in (batch[:6], batch[6:]))
        assert first <= set(range(N_SONGS))
        assert second <= set(range(N_SONGS, N_SONGS + N_OTHERS))


def snap(watch: NoteWatch) -> None:
    """Fifths of a quarter: where dT is moved, errors add up."""
    song = toys.even_song(0)
    notes = song.notes.copy()
    notes["onset"] = 192 * np.arange(len(notes))
    notes["duration"] = 192
    fifths = type(song)("fifths", 960, notes, song.parts)
    write_pieces(watch.folder / "fifths.npz", [fifths])
    ends = {}
    for how in ("delta", "onset"):
        flags = "--data {folder}/fifths.npz --val-split 0 --snap " + how
        known = watch.system(flags)
        assert known.notes.snap == how
        numbers = watch(flags).first.inputs[0]
        ends[how] = known.dictionaries.decode(numbers)[0][1:, 0].sum()
    assert ends["delta"] == 99 * 9  # each dT of 9.6 parts of the grid
    assert abs(ends["onset"] - 99 * 9.6) < 4


FOR_SEGMENTS = {"shares": shares, "snap": snap}
