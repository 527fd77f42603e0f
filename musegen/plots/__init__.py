"""Figures as the papers print them: functions from data to a `matplotlib.figure.Figure`.

Every function makes a new figure and needs neither pyplot nor a screen; the user's matplotlib style
has no effect. `save(figure, path)` writes a figure as PNG or PDF, `save_image(array, path)` writes
an array pixel by pixel.
"""

from musegen.plots.diagram import Arrow, Box, Text, diagram
from musegen.plots.histograms import (
    bar_panels,
    bars,
    length_transitions,
    note_lengths,
    pitch_classes,
    pitch_transitions,
    yang_lerch,
)
from musegen.plots.latent_space import interpolation, latent_map, pca
from musegen.plots.monitored import marked, monitored
from musegen.plots.piece_rolls import piece, pieces
from musegen.plots.rolls import (
    image_midi_s2,
    image_musegan,
    midi_s2,
    overlay,
    phrase_grid,
    songs,
    stacked,
)
from musegen.plots.style import encoded, save, save_image
from musegen.plots.training_curves import Curve, by_attribute, comparison, history, training
from musegen.plots.two_tracks import (
    Sets,
    bar_image,
    bar_row,
    course,
    editor_rows,
    matrix_image,
    matrix_rows,
)

__all__ = [
    "Arrow",
    "Box",
    "Curve",
    "Sets",
    "Text",
    "bar_image",
    "bar_panels",
    "bar_row",
    "bars",
    "by_attribute",
    "comparison",
    "course",
    "diagram",
    "editor_rows",
    "encoded",
    "history",
    "image_midi_s2",
    "image_musegan",
    "interpolation",
    "latent_map",
    "length_transitions",
    "marked",
    "matrix_image",
    "matrix_rows",
    "midi_s2",
    "monitored",
    "note_lengths",
    "overlay",
    "pca",
    "phrase_grid",
    "piece",
    "pieces",
    "pitch_classes",
    "pitch_transitions",
    "save",
    "save_image",
    "songs",
    "stacked",
    "training",
    "yang_lerch",
]
