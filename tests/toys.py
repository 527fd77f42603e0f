"""Systems without a network, for tests of the commands; and some that are narrow."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from musegen.music.layout import TRACKS
from musegen.system import Entry, EvaluatedRow, TrainedSystem

MADE: dict[str, TrainedSystem] = {}


def load(folder: Path) -> TrainedSystem:
    return MADE[json.loads((folder / "system.json").read_text())["system"]]


def networks(name: str, preset: str, n_steps: int) -> list:
    import keras

    bars = keras.Input((n_steps, 84), name="bars")
    return [keras.Model(bars, keras.layers.Dense(84, name="same")(bars), name=name)]


def add(folder: Path, catalogue: dict, name: str, can: dict, music: str = "phrases", **own) -> Path:
    """Puts a system into the catalogue and a trained one into a folder, which is returned.

    Args:
        own: its attributes and methods, other than those that are found anyway.
    """
    entry = Entry(name, "a toy", "toys", ("toy",), music, can)
    facts = {
        "n_bars": 4,
        "n_steps": 48,
        "tracks": TRACKS,
        "given": None,
        "preferred": {},
        "evaluated": 1000,
        "can": can,
    } | own
    MADE[name] = SimpleNamespace(entry=entry, preset="toy", **facts)
    catalogue[name] = entry
    (folder / name).mkdir(parents=True)
    (folder / name / "system.json").write_text(json.dumps({"system": name}))
    return folder / name


def rows(**music) -> list[EvaluatedRow]:
    return [EvaluatedRow(name, phrases) for name, phrases in music.items()]


def band(folder: Path) -> Path:
    """Returns an untrained MIDI-Sandwich2 that generates some notes and has no loops to trace."""
    import numpy as np

    from musegen.models.midi_sandwich2 import bvae
    from musegen.models.midi_sandwich2.system import untrained

    made, rng = untrained("large"), np.random.default_rng(0)
    for autoencoder in made.bvaes.values():
        write = bvae.encoder_and_decoder(autoencoder)[1].get_layer("write")
        write.bias.assign(rng.normal(-2.5, 1, write.bias.shape))
    return made.save(folder)


def narrowed(monkeypatch, preset: str):
    """Makes a preset of MIDI-Sandwich2 one of little width, and leaves the rest as it stands."""
    from musegen.models.midi_sandwich2.settings import PRESETS

    own = PRESETS[preset]
    narrow = {"track_latent": 4, "width": 8, "latent": 6}
    settings = replace(
        own,
        bvae=replace(own.bvae, width=8, latent=4),
        mfg_vae=replace(own.mfg_vae, concat_widths=own.mfg_vae.concat_widths and (8,), **narrow),
        refine=replace(own.refine, widths=(8,), n_units=1, filters=2),
    )
    monkeypatch.setitem(PRESETS, preset, settings)
    return settings


def chorales(n: int, steps: int = 30, seed: int = 0) -> list[list[list[int]]]:
    """Returns made-up chorales as JSON files have them: four voices in each step, all new notes."""
    import numpy as np

    rng = np.random.default_rng(seed)
    songs = []
    for _ in range(n):
        even = 48 + 2 * rng.integers(0, 5, (steps, 4)) + 10 * np.arange(4)
        song = even + np.arange(steps)[:, None] % 2  # an equal pitch would be one long note
        songs.append(song.tolist())
    return songs


def melody_vae(pieces, name: str = "mvae"):
    """Returns an untrained melody VAE of width 8 that knows the values of some pieces."""
    return writer_of_notes(name, pieces=pieces, lively=False)


def tune(n_notes: int, seed: int = 0):
    """Makes a tune of so many notes of the demo band, without its meter and tempo."""
    from musegen.data import demo_tunes

    song = demo_tunes.song(seed)
    kept = song.notes[:n_notes]
    return replace(song, notes=kept, length=int((kept["onset"] + kept["duration"]).max()), keys=())


def even_song(k: int, n: int = 120):
    """Makes a song whose notes all last 12 (k + 1) ticks of 48 a quarter, by which it is known."""
    import numpy as np

    from musegen.music.piece import Part, Piece, note_array

    notes = note_array(72 * np.arange(n), 12 * (k + 1), 60 + np.arange(n) % 7)
    return Piece(f"song {k}", 48, notes, (Part(),))


def songs_in(numbers, durations, unit: int = 12) -> set[int]:
    """Returns which of these songs have the numbers of some notes, given the values of T."""
    import numpy as np

    found = np.unique(numbers[..., 1])
    return {int(durations[k - 1]) // unit - 1 for k in found if 0 < k <= len(durations)}


def writer_of_notes(
    name: str, preset: str = "paper", pieces=(), lively: bool = True, length: int = 100
):
    """Makes a system of note triples of width 8 with random weights.

    Args:
        pieces: pieces whose values it knows; by default some tunes of the demo band.
        lively: whether its weights are so large that each note depends on what was before.
        length: notes of its segments.
    """
    import keras
    import numpy as np

    from musegen.data import demo_tunes
    from musegen.models.bachprop import system as bachprop_system
    from musegen.models.bachprop.bachprop import bachprop
    from musegen.models.bachprop.settings import PRESETS, BachPropSettings
    from musegen.models.mvae.mvae import mvae
    from musegen.models.mvae.settings import settings_of
    from musegen.models.mvae.system import MVAE
    from musegen.music.tokens import triples
    from musegen.music.tokens.dictionaries import Dictionaries

    kind = bachprop_system.BachProp if name == "bachprop" else MVAE
    notes = replace(kind.triples_of(preset), length=length)
    pieces = pieces or [demo_tunes.song(k) for k in range(3)]
    known = Dictionaries.of(triples.collect(pieces, notes)[0], notes)
    own = PRESETS[preset] if name == "bachprop" else settings_of(name, preset)
    own, rng = replace(own, width=8, sizes=known.sizes), np.random.default_rng(1)
    keras.utils.set_random_seed(1)
    network = bachprop(own) if isinstance(own, BachPropSettings) else mvae(own, length, name=name)
    for weight in network.trainable_weights if lively else ():
        small = "mean" in weight.path or "variance" in weight.path
        weight.assign(rng.normal(0, 0.1 if small else 1, weight.shape))
    return kind(name, preset, network, known, notes)


def duet(preset: str = "paper", n_beginnings: int = 5, **changes):
    """Makes a narrow DuetHLSTM whose weights are so large that its music changes at each step.

    Args:
        changes: settings that differ from the preset, by name.
    """
    import numpy as np

    from musegen.models.duet_hlstm.duet_hlstm import duet_hlstm
    from musegen.models.duet_hlstm.settings import changed
    from musegen.models.duet_hlstm.system import DuetHLSTM

    changes = {"widths": (6, 4)} | changes
    settings, rng = changed(preset, changes), np.random.default_rng(1)
    network = duet_hlstm(settings)
    for weight in network.weights:
        scale = 4 if weight.shape[-1] == 84 and len(weight.shape) == 2 else 1  # of the heads
        weight.assign(scale * rng.normal(size=weight.shape))
    shape = (n_beginnings, settings.window, len(settings.tracks), 84)
    return DuetHLSTM(preset, network, changes, rng.random(shape) < 0.1)
