"""The layer diagram of DuetHLSTM, drawn from its Keras model."""

from collections.abc import Mapping, Sequence

import keras

from musegen.eval.papers.drawing import Drawing, Missing, Sources
from musegen.eval.papers.duet_hlstm.sets import SYSTEM
from musegen.models.duet_hlstm import duet_hlstm
from musegen.plots import Box, Text, diagram
from musegen.plots.diagram import DATA, NETWORK

BATCH = 1000  # as in the report's figure
WIDTH, HEIGHT = 1.75, 0.46  # inches of a box
ACROSS, DOWN = 2.0, 0.68  # inches from one column, and from one row, to the next
# First and last column of the boxes; layers of other names lie where the accompaniment does.
COLUMNS = {
    "melody_input": (0, 0),
    "melody_lstm1": (0, 1),
    "melody_lstm2": (0, 0),
    "accomp_lstm1": (1, 1),
    "accomp_input": (2, 2),
    "dense": (0, 0),
    "output": (0, 2),
}
OTHERS = (1, 2)


def architecture(sources: Sources) -> Drawing:
    """Draws Figure 1, the layers with the shapes of their inputs and outputs."""
    network = _network(sources)
    return Drawing(layers(network), f"the layers, {network.count_params():,} parameters")


def _network(sources: Sources) -> keras.Model:
    """Returns the network of a trained system or, if there is none, an untrained one."""
    if sources.system and sources.kind != SYSTEM:
        raise Missing(f"{sources.system} is a {sources.kind}; the diagram is of a {SYSTEM}")
    part = sources.part(SYSTEM)
    network = part.trained("").network if part.folder else duet_hlstm.duet_hlstm()
    if len(network.inputs) != 2:
        raise Missing(f"{part.folder}: has {len(network.inputs)} tracks; the diagram is of two")
    return network


def layers(network: keras.Model):
    """Draws a functional model whose layers have the names in `COLUMNS`, and others."""
    before = inputs_of(network)
    row = rows_of(before)
    boxes = {}
    for layer in network.layers:
        first, last = COLUMNS.get(layer.name, OTHERS)
        at = (ACROSS * (first + last) / 2, -DOWN * row[layer.name])
        width = WIDTH + ACROSS * (last - first)
        boxes[layer.name] = Box(at, (width, HEIGHT), *_words(layer, before), _colour(layer))
    arrows = [(name, layer) for layer, names in before.items() for name in names]
    heading = f"{network.name}: {network.count_params():,} parameters, a batch of {BATCH:,}"
    return diagram(boxes, arrows, [Text((ACROSS, 0.5), heading, bold=True)])


def inputs_of(network: keras.Model) -> dict[str, list[str]]:
    """Returns the names of the layers that each layer gets its inputs from."""
    return {
        layer.name: []
        if isinstance(layer, keras.layers.InputLayer)
        else [tensor._keras_history.operation.name for tensor in _tensors(layer.input)]
        for layer in network.layers
    }


def rows_of(before: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """Returns the row of each layer: below all that it needs, and inputs next to their use."""
    row: dict[str, int] = {}
    for name in before:  # a model's layers come after those that they need
        row[name] = max((row[other] + 1 for other in before[name]), default=0)
    for name in (name for name, names in before.items() if not names):
        uses = [row[other] for other, names in before.items() if name in names]
        row[name] = max(min(uses, default=1) - 1, 0)
    return row


def _words(layer: keras.Layer, before: Mapping[str, Sequence[str]]) -> tuple[str, list[str]]:
    kind = type(layer).__name__
    shapes = ", ".join(_shape(tensor.shape) for tensor in _tensors(layer.input))
    notes = [f"in {shapes}" if before[layer.name] else "", f"out {_shape(layer.output.shape)}"]
    count = layer.count_params()
    notes[-1] += f",  {count:,} parameters" if count else ""
    activation = getattr(layer, "activation", None)
    if isinstance(layer, keras.layers.Dense) and activation is not None:
        kind += f", {activation.__name__}"
    return f"{layer.name}: {kind}", [note for note in notes if note]


def _colour(layer: keras.Layer) -> str:
    return NETWORK if layer.count_params() else DATA


def _tensors(value) -> list:
    return list(value) if isinstance(value, list | tuple) else [value]


def _shape(shape: Sequence[int | None]) -> str:
    return f"({', '.join(str(BATCH if n is None else n) for n in shape)})"
