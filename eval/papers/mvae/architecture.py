"""The block diagram of the melody VAE, with sizes and parameters of the network."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

import keras

from musegen.eval.papers.drawing import Drawing, Missing, Sources
from musegen.models.mvae import mvae
from musegen.models.mvae.settings import ATTRIBUTES, N_NOTES, PAPER
from musegen.plots import Arrow, Box, Text, diagram
from musegen.plots.diagram import CHANCE, DATA, NETWORK

HEIGHT = 0.34  # inches: height of a box
ABOVE = 4.35  # inches from the middle of the decoder's last row to that of the encoder
WIDTH = 1.24  # inches: width of a box of the decoder
COLUMN = 2.1  # inches from one attribute of the decoder to the next
ROWS = {"before": 3.0, "attribute": 2.5, "states": 2.05, "context": 1.55, "write": 1.05,
        "logits": 0.55, "value": 0.0}  # heights of the decoder's rows, in inches  # fmt: skip
LEGEND = (
    "white: data;  blue: networks and their parameters;  sand: drawn at random",
    "GRUs of one name in the decoder are one layer. Values enter the GRUs through the embeddings "
    "of the encoder. z also enters each step of all GRUs but the context's.",
)


def architecture(sources: Sources) -> Drawing:
    """Draws Figure 1, the whole network: the encoder of a segment, and the decoder of one note."""
    network = _network(sources)
    boxes, arrows = _encoder(network)
    lower, others = _decoder(network)
    edges = [edge for box in (boxes | lower).values() for edge in box.edges(0)]
    left, middle = min(edges), (min(edges) + max(edges)) / 2
    heading = f"Encoder: a segment of {N_NOTES} notes becomes one latent vector"
    texts = [
        Text((left, ABOVE + 0.85), heading, bold=True, align="left"),
        Text((left, 3.42), "Decoder with note unrolling: one note", bold=True, align="left"),
        *(Text((middle, -0.78 - 0.13 * i), line) for i, line in enumerate(LEGEND)),
    ]
    figure = diagram(boxes | lower, [*arrows, *others], texts)
    return Drawing(figure, f"the whole network, {_count(network)} parameters")


def _network(sources: Sources) -> keras.Model:
    """Returns the network of a trained system or, if there is none, an untrained one."""
    if sources.system and sources.kind != "mvae":
        raise Missing(f"{sources.system} is a {sources.kind}; the diagram is of an mvae")
    part = sources.part("mvae")
    return part.trained("").network if part.folder else _untrained()


@cache
def _untrained() -> keras.Model:
    return mvae.mvae(PAPER)


def _encoder(network: keras.Model) -> tuple[dict[str, Box], list]:
    """Returns boxes and arrows of the encoder, from left to right."""
    encoder, tables = network.get_layer("encoder"), network.get_layer("embeddings")
    width = mvae.fitted(PAPER, network).width
    boxes = {
        "dictionary": _tall("note dictionary", -0.6, (), DATA),
        "notes": _tall("numbers", 0, (f"{N_NOTES} × 3",), DATA),
    }
    for i, a in enumerate(ATTRIBUTES):
        y = ABOVE + 0.46 * (1 - i)
        table = tables.get_layer(f"embed_{a}")
        sizes = f"{table.input_dim} × {table.output_dim}"
        boxes[f"embed {a}"] = _box((0.8, y), f"embed {a}", (sizes,), 0.8)
        boxes[f"read {a}"] = _box((1.8, y), f"GRU {a}", (_count(encoder, f"read_{a}"),), 0.8)
    boxes |= {
        "sequences": _tall("states", 2.5, (f"{N_NOTES} × {3 * width}",), DATA),
        "context": _box((3.22, ABOVE), "context GRU", (_count(encoder, "read_context"),), 0.8),
        "join": _tall("dense", 3.98, (_count(encoder, "join"),)),
        "mean": _box((4.85, ABOVE + 0.3), "mean", (_count(encoder, "mean"),), 0.85),
        "log variance": _box(
            (4.85, ABOVE - 0.3), "log variance", (_count(encoder, "log_variance"),), 0.85
        ),
        "z": _tall("z = mean + σ × noise", 5.75, (f"{width}",), CHANCE),
    }
    arrows: list = [("dictionary", "notes")]
    arrows += [("notes", f"embed {a}") for a in ATTRIBUTES]
    arrows += [(f"embed {a}", f"read {a}") for a in ATTRIBUTES]
    arrows += [(f"read {a}", "sequences") for a in ATTRIBUTES]
    arrows += [("sequences", "context"), ("context", "join"), Arrow("sequences", "join", -0.12)]
    arrows += [("join", "mean"), ("join", "log variance")]
    arrows += [("mean", "z"), ("log variance", "z")]
    return boxes, arrows


def _decoder(network: keras.Model) -> tuple[dict[str, Box], list]:
    """Returns boxes and arrows of the decoder, a column for each attribute."""
    decoder = network.get_layer("decoder")
    centres = [0.8 + COLUMN * i for i in range(3)]
    z_at, y = centres[0] - 1.25, ROWS["attribute"]
    boxes = {
        "code": Box((z_at, y + 0.5), (0.4, 0.26), "z", (), CHANCE),
        "start": _box((z_at, y), "dense, tanh", (_count(decoder, "start"),), 0.8),
        "states": Box(
            (centres[1], ROWS["states"]),
            (2 * COLUMN + WIDTH, 0.22),
            "states of the three GRUs",
            (),
            DATA,
        ),
        "written": Box(
            (centres[1], -0.48),
            (2 * COLUMN + WIDTH, 0.22),
            "reverse dictionary: the new note",
            (),
            DATA,
        ),
    }
    arrows: list = [("code", "start"), ("start", "attribute dT")]
    for i, (a, x) in enumerate(zip(ATTRIBUTES, centres, strict=True)):
        size = f"to {decoder.get_layer(f'logits_{a}').units} values"
        after = ATTRIBUTES[i - 1]
        boxes |= {
            f"before {a}": Box(
                (x, ROWS["before"]), (1.1, 0.26), f"{a} of the note before", (), DATA
            ),
            f"attribute {a}": _row("attribute", x, f"GRU {a}", _count(decoder, f"attribute_{a}")),
            f"context {a}": _row("context", x, "context GRU", _count(decoder, "context")),
            f"write {a}": _row("write", x, f"GRU of generation {a}", _count(decoder, f"write_{a}")),
            f"logits {a}": _row("logits", x, f"+ state of GRU {a}, dense", size),
            f"value {a}": Box((x, ROWS["value"]), (0.9, 0.26), a, (), DATA),
        }  # fmt: skip
        down = ("before", "attribute", "states", "context", "write", "logits", "value", "written")
        names = [row if row in ("states", "written") else f"{row} {a}" for row in down]
        arrows += pairwise(names)
        if i:  # unrolling: the value before goes through its GRU into the context of this one
            between = x - COLUMN / 2
            boxes[f"chosen {after}"] = Box((between, 0), (0.6, 0.26), f"GRU {after}")
            wide = boxes[f"context {a}"]
            left, right = between - 0.3, wide.edges(0)[1]
            boxes[f"context {a}"] = replace(
                wide, at=((left + right) / 2, wide.at[1]), size=(right - left, wide.size[1])
            )
            arrows += [
                (f"value {after}", f"chosen {after}"),
                (f"chosen {after}", f"context {a}"),
                (f"context {after}", f"context {a}"),
            ]
    return boxes, arrows


def _row(row: str, x: float, title: str, note: str) -> Box:
    return _box((x, ROWS[row]), title, (note,), WIDTH)


def _box(at: tuple[float, float], title: str, notes: Sequence[str], width: float) -> Box:
    return Box(at, (width, HEIGHT), title, notes, NETWORK)


def _tall(title: str, x: float, notes: Sequence[str], colour: object = NETWORK) -> Box:
    """Returns a box as high as the three attributes of the encoder."""
    return Box((x, ABOVE), (0.4, 2 * 0.46 + HEIGHT), title, notes, colour, turned=True)


def _count(model: keras.Model, layer: str = "") -> str:
    return f"{(model.get_layer(layer) if layer else model).count_params():,}"
