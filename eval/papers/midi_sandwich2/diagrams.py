"""Block diagrams of MIDI-Sandwich2's networks, with shapes and parameters of the models."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

import keras

from musegen.eval.papers.drawing import Drawing, Sources
from musegen.models.midi_sandwich2 import bvae, refine
from musegen.models.midi_sandwich2 import system as midi_s2
from musegen.models.midi_sandwich2.system import MidiS2
from musegen.music.phrases import N_PITCHES, TRACKS
from musegen.plots import Arrow, Box, Text, diagram
from musegen.plots.diagram import CHANCE, DATA, NETWORK
from musegen.plots.style import TRACK_COLOURS

GAP = 0.15  # inches between two boxes
HEIGHT = 0.36  # inches: height of a box
TRACK_GAP = 0.5  # inches from one track to the next
ROW_GAP = 0.95  # inches from one row with a heading to the next
LEGEND = (
    "white or a track's colour: data and their shape;  blue: networks, → their output, their "
    "parameters;  sand: drawn at random"
)


@dataclass(frozen=True)
class Block:
    """The text and colour of a box, whose place is computed later."""

    title: str
    notes: Sequence[str] = ()
    colour: object = NETWORK

    @property
    def width(self) -> float:
        """The width that its text needs, in inches."""
        notes = (0.08 + 0.045 * len(note) for note in self.notes)
        return max(0.34, 0.1 + 0.054 * len(self.title), *notes)


# The boxes from left to right: those of each track, of all tracks together, of each track again.
READ, FUSED = ("bars", "encoder", "latents"), ("fuse", "z", "unfuse")
WRITTEN = ("written", "drawn", "decoder", "refine", "cells")


def architecture(sources: Sources) -> Drawing:
    """Draws Figure 1, the whole system: from bars of five tracks to one latent vector and back."""
    system = _system(sources)
    rows = {track: _track(system, track) for track in TRACKS}
    widths = {"fuse": 0.36, "z": 0.42, "unfuse": 0.36}
    for row in rows.values():
        widths |= {name: max(block.width, widths.get(name, 0)) for name, block in row.items()}
    names = [name for name in (*READ, *FUSED, *WRITTEN) if name in widths]
    centre = dict(zip(names, _middles([widths[name] for name in names]), strict=True))
    top = (len(TRACKS) - 1) * TRACK_GAP

    boxes, arrows = {}, []
    for i, (track, row) in enumerate(rows.items()):
        for name, block in row.items():
            at, size = (centre[name], top - i * TRACK_GAP), (widths[name], HEIGHT)
            boxes[f"{name} {track}"] = _box(block, at, size)
        arrows += pairwise(name if name in FUSED else f"{name} {track}" for name in names)
    for name, part in zip(("fuse", "unfuse"), bvae.encoder_and_decoder(system.fusion), strict=True):
        title, size = f"MFG-VAE {part.name.rpartition('-')[2]}", (widths[name], top + HEIGHT)
        boxes[name] = Box((centre[name], top / 2), size, title, (_count(part),), turned=True)
    latent = Block("z", (str(system.settings.mfg_vae.latent),), CHANCE)
    boxes["z"] = _box(latent, (centre["z"], top / 2), (widths["z"], HEIGHT))

    models = [*system.bvaes.values(), system.fusion, *system.refiners.values()]
    n = sum(model.count_params() for model in models)
    about = f"the system as a whole, {n:,} parameters"
    texts = [Text((_centre(boxes), -0.34), LEGEND)]
    return Drawing(diagram(boxes, list(dict.fromkeys(arrows)), texts), about)


def _track(system: MidiS2, track: str) -> dict[str, Block]:
    """Returns the boxes of one track, from left to right."""
    encoder, decoder = bvae.encoder_and_decoder(system.bvaes[track])
    shape = _shape(encoder.input_shape)
    light = [0.65 + 0.35 * value for value in TRACK_COLOURS[track]]
    latent = str(system.settings.bvae.latent)
    blocks = {
        "bars": Block(track, (shape,), light),
        "encoder": Block("encoder", (_count(encoder),)),
        "latents": Block("mean, σ", (f"2 × {latent}",), DATA),
        "written": Block("mean, σ", (f"2 × {latent}",), DATA),
        "drawn": Block("z", (latent,), CHANCE),
        "decoder": Block("decoder", (_count(decoder),)),
    }
    if system.refiners:
        blocks["refine"] = Block("refine", (_count(system.refiners[track]),))
    return blocks | {"cells": Block(track, (shape,), light)}


def refine_networks(sources: Sources) -> Drawing:
    """Draws Figure 2: the refine network per bar, one of its units, and the network per note."""
    system = _system(sources)
    settings = system.settings.refine
    bar, note = refine.per_bar(settings, system.n_steps), refine.per_note(settings)
    unit = [layer for layer in bar.layers if layer.name.startswith("unit_1_")]
    end = [layer for layer in bar.layers[1:] if not layer.name.startswith("unit_")]
    n = sum(layer.count_params() for layer in unit)
    units = [Block(f"unit {i + 1}", (f"{n:,}",)) for i in range(settings.n_units)]
    size = (_shape(bar.input_shape),)
    bars, cells = Block("bar", size, DATA), Block("cells", size, DATA)
    step, row = Block("step", (str(N_PITCHES),), DATA), Block("cells", (str(N_PITCHES),), DATA)
    rows = {
        f"Refine network per bar: {_count(bar)} parameters": [
            bars, *units, *map(_layer, end), cells,
        ],
        "One residual unit: the size stays": [bars, *map(_layer, unit), bars],
        f"Refine network per note, that is per step: {_count(note)} parameters": [
            step, *map(_layer, note.layers[1:]), row,
        ],
    }  # fmt: skip
    boxes, arrows, texts = {}, [], []
    for i, (heading, blocks) in enumerate(rows.items()):
        texts.append(Text((0, 0.36 - i * ROW_GAP), heading, bold=True, align="left"))
        keys = _row(boxes, blocks, -i * ROW_GAP)
        arrows += pairwise(keys)
        if i == 1:
            arrows.append(Arrow(keys[0], keys[-2], detour=-0.14))
    texts.append(Text((_centre(boxes), -2 * ROW_GAP - 0.38), LEGEND))
    about = f"the refine networks, {_count(bar)} parameters per bar, {_count(note)} per note"
    return Drawing(diagram(boxes, arrows, texts), about)


def fusion(sources: Sources) -> Drawing:
    """Draws Figure 3: the MFG-VAE, with the sampling of its latent vector."""
    system = _system(sources)
    encoder, decoder = bvae.encoder_and_decoder(system.fusion)
    latents = Block("latents", (_shape(encoder.input_shape), "track × mean, σ"), DATA)
    first = [layer for layer in encoder.layers if layer.name not in ("mean", "sigma", "sampling")]
    boxes: dict[str, Box] = {}
    read = _row(boxes, [latents, *_hidden(first)], 0)
    boxes |= _sampling(system, boxes[read[-1]].edges(0)[1] + GAP)
    write = _row(boxes, [*_hidden(decoder.layers), latents], 0, boxes["sampling"].edges(0)[1] + GAP)
    # This box is as high as mean and sigma together, so that the arrows to them are horizontal.
    boxes[read[-1]] = replace(boxes[read[-1]], size=(boxes[read[-1]].size[0], 0.98))
    arrows = [*pairwise(read), *pairwise(("sampling", *write))]
    arrows += [(read[-1], name) for name in ("mean", "sigma")]
    arrows += [(name, "sampling") for name in ("mean", "sigma", "noise")]
    about = f"{_count(encoder)} + {_count(decoder)} = {_count(system.fusion)} parameters"
    texts = [Text((_centre(boxes), -0.66), LEGEND)]
    return Drawing(diagram(boxes, arrows, texts), f"the MFG-VAE, {about}")


def _sampling(system: MidiS2, left: float) -> dict[str, Box]:
    """Returns the boxes of mean, sigma and noise, and that of the sampling from the three."""
    encoder, _ = bvae.encoder_and_decoder(system.fusion)
    settings = system.settings.mfg_vae
    blocks = {name: _layer(encoder.get_layer(name), name) for name in ("mean", "sigma")}
    noise = f"std {encoder.get_layer('sampling').noise:g}"
    blocks = {"noise": Block("noise", (noise,), CHANCE)} | blocks
    wide = max(block.width for block in blocks.values())
    boxes = {
        name: _box(block, (left + wide / 2, 0.81 - 0.54 * i), (wide, 0.44))
        for i, (name, block) in enumerate(blocks.items())
    }
    title = f"z = mean + {'exp(σ/2)' if settings.noise_scale == 'exp' else 'σ'} × noise"
    at, notes = (left + wide + GAP + 0.2, 0.27), (str(settings.latent),)
    return boxes | {"sampling": Box(at, (0.4, 1.52), title, notes, CHANCE, turned=True)}


def _system(sources: Sources) -> MidiS2:
    """Returns the trained system or, if there is none, an untrained one for its shapes."""
    return sources.trained("") if sources.folder else _untrained()


@cache
def _untrained() -> MidiS2:
    return midi_s2.untrained()


def _hidden(layers: Iterable[keras.Layer]) -> list[Block]:
    """Returns a box for each layer; if there are more than three, one for all."""
    layers = [layer for layer in layers if not isinstance(layer, keras.layers.InputLayer)]
    if isinstance(layers[-1], keras.layers.Activation):  # the linear end of a decoder
        layers.pop()
    if len(layers) <= 3:
        return [_layer(layer) for layer in layers]
    dense = [layer for layer in layers if isinstance(layer, keras.layers.Dense)]
    n = sum(layer.count_params() for layer in layers)
    widths = f"{dense[0].units} … {dense[-1].units}"
    return [Block(f"{len(dense)} dense layers", (widths, f"{n:,}"))]


def _layer(layer: keras.Layer, title: str = "") -> Block:
    """Returns the box of a layer: its kind and size, its output shape and its parameters."""
    shape, n = layer.output.shape, layer.count_params()
    notes = [f"→ {_shape(shape)}"] if len(shape) > 2 or title else []
    if isinstance(layer, keras.layers.Dense) and layer.activation is not keras.activations.linear:
        notes.append({"relu": "ReLU"}.get(layer.activation.__name__, layer.activation.__name__))
    notes += [f"{n:,}"] if n else []
    kinds = {
        "Activation": lambda: layer.activation.__name__.replace("_", " "),
        "Add": lambda: "+",
        "BatchNormalization": lambda: "norm",
        "Conv2D": lambda: f"conv {' × '.join(map(str, layer.kernel_size))}",
        "Dense": lambda: f"dense {layer.units}",
        "LSTM": lambda: f"LSTM {layer.units}",
        "RepeatVector": lambda: "repeat",
    }
    kind = type(layer).__name__
    return Block(title or (kinds[kind]() if kind in kinds else kind), notes)


def _row(boxes: dict[str, Box], blocks: Sequence[Block], y: float, left: float = 0) -> list[str]:
    """Adds boxes from left to right, and returns their names."""
    at = _middles([block.width for block in blocks], left)
    names = [f"{len(boxes) + i} {block.title}" for i, block in enumerate(blocks)]
    height = HEIGHT if all(len(block.notes) < 2 for block in blocks) else 0.44
    for name, block, x in zip(names, blocks, at, strict=True):
        boxes[name] = _box(block, (x, y), (block.width, height))
    return names


def _middles(widths: Sequence[float], left: float = 0) -> list[float]:
    """Returns the middles of boxes that lie side by side."""
    at = []
    for width in widths:
        at.append(left + width / 2)
        left += width + GAP
    return at


def _box(block: Block, at: tuple[float, float], size: tuple[float, float]) -> Box:
    return Box(at, size, block.title, block.notes, block.colour)


def _centre(boxes: dict[str, Box]) -> float:
    """Returns the middle between the left and the right end of a drawing."""
    edges = [edge for box in boxes.values() for edge in box.edges(0)]
    return (min(edges) + max(edges)) / 2


def _shape(shape: Sequence[int | None]) -> str:
    """Returns a shape as text, without the batch."""
    return " × ".join(str(n) for n in shape[1:])


def _count(model: keras.Model | keras.Layer) -> str:
    return f"{model.count_params():,}"
