"""Piano-rolls: tracks overlaid in colour, stacked in black on white, or as blocks along a song.

All functions take phrases `(N, bars, steps, 84, tracks)`. `overlay`, `phrase_grid` and `stacked`
also take real values from 0 to 1; for a tanh output `x` pass `(x + 1) / 2`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from musegen import Error
from musegen.music import notes
from musegen.music.phrases import (
    BEATS_PER_BAR,
    LOWEST_PITCH,
    N_PITCHES,
    TRACKS,
    chain,
    reorder,
    validate,
)
from musegen.plots.style import GRID, PAGE, TRACK_COLOURS, frame, new_figure, styled

PAPER_ORDER = ("bass", "drums", "guitar", "strings", "piano")  # rows of MuseGAN's Figure 8
IMAGE_COLOURS = {  # colours of the pictures that MuseGAN's code saves
    "bass": (1, 0, 0),
    "drums": (0, 1, 0),
    "guitar": (0, 0, 1),
    "strings": (1, 0.5, 0),
    "piano": (0, 0.5, 1),
}
_DRUMS = {36: "kick", 42: "hat", 49: "crash"}
_MIN_PITCHES = 18  # pitches that a row of `songs` shows at least


def _checked(phrases: np.ndarray, tracks: Sequence[str] | None = None) -> np.ndarray:
    """Returns the phrases as an array; raises an `Error` if they do not have these tracks."""
    phrases = np.asarray(phrases)
    validate(phrases)
    if tracks is not None and phrases.shape[-1] != len(tracks):
        names = ", ".join(tracks)
        raise Error(f"phrases: {phrases.shape[-1]} tracks, but {len(tracks)} names: {names}")
    if not len(phrases):
        raise Error("phrases: none to draw")
    return phrases


def _values(phrases: np.ndarray, tracks: Sequence[str]) -> np.ndarray:
    """Returns checked phrases as real values from 0 to 1."""
    values = _checked(phrases, tracks).astype(np.float32)
    if not ((values >= 0) & (values <= 1)).all():
        raise Error("phrases: values from 0 to 1 are needed; of a tanh output x give (x + 1) / 2")
    return values


def overlay(phrases: np.ndarray, tracks: Sequence[str] = TRACKS) -> np.ndarray:
    """Makes an RGB image of each phrase, `(N, 84, bars * steps, 3)`, with high pitches on top.

    Silence is white and each track has its colour; where tracks overlap, their colours mix to a
    darker one, as inks do.

    Args:
        phrases: phrases, or values from 0 to 1.
        tracks: names of the tracks, in the order of the last axis.
    """
    missing = [name for name in tracks if name not in TRACK_COLOURS]
    if missing:
        known = ", ".join(TRACK_COLOURS)
        raise Error(f"no colour for track {', '.join(missing)}; there are {known}")
    values = _values(phrases, tracks)
    absorbed = 1 - np.array([TRACK_COLOURS[name] for name in tracks], np.float32)
    rgb = 1 - np.clip(values @ absorbed, 0, 1)  # (N, bars, steps, 84, 3)
    n, bars, steps = rgb.shape[:3]
    return rgb.reshape(n, bars * steps, N_PITCHES, 3).transpose(0, 2, 1, 3)[:, ::-1]


@styled
def phrase_grid(
    phrases: np.ndarray,
    columns: int = 3,
    rows: Sequence[str] = (),
    tracks: Sequence[str] = TRACKS,
    legend: bool = True,
    width: float = PAGE,
) -> Figure:
    """Draws phrases in rows and columns, all tracks overlaid (MuseGAN, Figures 7 and 10-13).

    Args:
        phrases: phrases, or values from 0 to 1.
        columns: number of phrases in a row.
        rows: label of each row, such as the model's name.
        tracks: names of the tracks, in the order of the last axis.
        legend: whether a legend below the figure names the colours.
        width: width of the figure in inches.
    """
    images = overlay(phrases, tracks)
    n_rows, n_bars = -(-len(images) // columns), np.shape(phrases)[1]
    if rows and len(rows) != n_rows:
        raise Error(f"{len(rows)} row labels for {n_rows} rows of phrases")
    blank = np.ones((n_rows * columns - len(images), *images.shape[1:]), images.dtype)
    grid = np.concatenate([images, blank]).reshape(n_rows, columns, *images.shape[1:])
    picture = grid.transpose(0, 2, 1, 3, 4).reshape(n_rows * N_PITCHES, -1, 3)

    figure = new_figure(width, width / columns / 1.45 * n_rows + 0.2 * legend)
    axes = figure.add_subplot()
    right, top = columns * n_bars, n_rows * N_PITCHES
    axes.imshow(picture, extent=(0, right, 0, top), aspect="auto")
    _rule_grid(axes, n_rows, columns, n_bars)
    if rows:
        centres = top - (np.arange(n_rows) + 0.5) * N_PITCHES
        axes.set_yticks(centres, rows, rotation=90, va="center", fontsize=7)
    if legend:
        names = [name for name in TRACK_COLOURS if name in tracks]
        patches = [_patch(name) for name in names]
        figure.legend(patches, names, loc="outside lower center", ncols=len(names))
    return figure


@styled
def stacked(
    phrases: np.ndarray,
    titles: Sequence[str] = (),
    tracks: Sequence[str] = TRACKS,
    order: Sequence[str] | None = PAPER_ORDER,
    columns: int | None = None,
    width: float = PAGE,
) -> Figure:
    """Draws a panel for each phrase, its tracks one above the other in black on white.

    MuseGAN's Figure 8 is drawn so.

    Args:
        phrases: phrases, or values from 0 to 1.
        titles: text below each panel, such as `"step 700 (B)"`.
        tracks: names of the tracks, in the order of the last axis.
        order: names of the tracks from top to bottom; None for the order of `tracks`.
        columns: number of panels in a row; by default all.
        width: width of the figure in inches.
    """
    order = tuple(order or tracks)
    values = reorder(_values(phrases, tracks), tracks, order)
    n, n_bars, n_steps = values.shape[:3]
    if titles and len(titles) != n:
        raise Error(f"{len(titles)} titles for {n} phrases")
    columns = columns or n
    n_rows = -(-n // columns)
    ink = values.transpose(0, 4, 3, 1, 2)[:, :, ::-1].reshape(n, -1, n_bars * n_steps)

    row = min(0.23 * (width - 0.45) / columns, 0.45)
    height = row * len(order) + 0.18 * bool(titles)
    figure = new_figure(width, n_rows * height)
    top = len(order) * N_PITCHES
    centres = top - (np.arange(len(order)) + 0.5) * N_PITCHES
    for i, axes in enumerate(figure.subplots(n_rows, columns, squeeze=False).flat):
        if i >= n:
            axes.set_axis_off()
            continue
        extent = (0, n_bars, 0, top)
        axes.imshow(1 - ink[i], cmap="gray", vmin=0, vmax=1, extent=extent, aspect="auto")
        _rule_panel(axes, len(order), n_bars)
        if i % columns == 0:
            axes.set_yticks(centres, order, fontsize=7)
        if titles:
            axes.set_xlabel(titles[i])
    return figure


def image_midi_s2(phrases: np.ndarray) -> np.ndarray:
    """Makes the picture that MIDI-Sandwich2 saves: uint8, black on white, phrases side by side.

    Each phrase has a row for each track and a column for each bar, with lines of one pixel between
    them and a frame of three pixels. Eight phrases of 4 bars, 48 steps and five tracks give 430 x
    1587 pixels.
    """
    cells = validate(_checked(phrases))
    paper = np.where(cells, np.uint8(0), np.uint8(255)).transpose(0, 4, 3, 1, 2)[:, :, ::-1]
    n, n_tracks, _, n_bars, n_steps = paper.shape  # (N, tracks, 84, bars, steps)
    lined = np.pad(paper, ((0, 0), (0, 0), (1, 0), (0, 0), (1, 0)))
    lined = lined.reshape(n, n_tracks * (N_PITCHES + 1), n_bars * (n_steps + 1))[:, 1:, 1:]
    framed = np.pad(lined, ((0, 0), (3, 3), (3, 0)))
    return np.pad(framed.transpose(1, 0, 2).reshape(framed.shape[1], -1), ((0, 0), (0, 3)))


def image_musegan(
    values: np.ndarray, tracks: Sequence[str] = TRACKS, columns: int = 8
) -> np.ndarray:
    """Makes the picture that MuseGAN's code saves while it trains: uint8 RGB, phrases in a grid.

    The colours of the tracks are added on black, and lines of three pixels separate the phrases.
    Then all values are scaled to reach from black to white. 64 phrases of 4 bars and 96 steps give
    693 x 3093 pixels.

    Args:
        values: numbers of any range, `(N, bars, steps, P, tracks)`: the tanh output, cells, or
            chroma.
        tracks: names of the tracks, in the order of the last axis.
        columns: number of phrases in a row.
    """
    colours = np.array([IMAGE_COLOURS[name] for name in tracks], np.float32)
    n, n_bars, n_steps, n_rows = values.shape[:4]
    images = (values.astype(np.float32) @ colours).reshape(n, n_bars * n_steps, n_rows, 3)
    images = images.transpose(0, 2, 1, 3)[:, ::-1]
    filled = np.pad(images, ((0, -n % columns), (0, 0), (0, 0), (0, 0)))
    lined = np.pad(filled, ((0, 0), (0, 3), (0, 3), (0, 0)), constant_values=1)
    grid = lined.reshape(-1, columns, *lined.shape[1:]).transpose(0, 2, 1, 3, 4)
    grid = grid.reshape(-1, columns * lined.shape[2], 3)[:-3, :-3]
    low, high = grid.min(), grid.max()
    return np.uint8(255 * (grid - low) / (high - low) + 0.5)


@styled
def midi_s2(sets: Mapping[str, np.ndarray], width: float = PAGE) -> Figure:
    """Draws the pictures of `image_midi_s2` of several sets below each other (Figures 8 and 9).

    Args:
        sets: phrases by title, such as original, restored, restored and refined.
        width: width of the figure in inches.
    """
    if not sets:
        raise Error("no phrases to draw")
    images = [image_midi_s2(phrases) for phrases in sets.values()]
    height = sum(width * len(image) / image.shape[1] + 0.16 for image in images)
    figure = new_figure(width, height)
    rows = figure.subplots(len(images), 1, squeeze=False)[:, 0]
    for axes, title, image in zip(rows, sets, images, strict=True):
        axes.imshow(image, cmap="gray", vmin=0, vmax=255, aspect="auto")
        axes.set_axis_off()
        axes.set_title(title, loc="left")
    return figure


@styled
def songs(
    sets: Mapping[str, np.ndarray],
    tracks: Sequence[str] = TRACKS,
    order: Sequence[str] | None = None,
    width: float = PAGE,
) -> Figure:
    """Draws songs as note blocks, a row for each track, one song above the other.

    The rows of one track show the same pitches in all songs, so that a song and its restoration by
    a model can be compared.

    Args:
        sets: phrases of each song by its title, in the order in which they are played.
        tracks: names of the tracks, in the order of the last axis.
        order: names of the tracks from top to bottom; None for the order of `tracks`.
        width: width of the figure in inches.
    """
    order = tuple(order or tracks)
    if not sets:
        raise Error("no song to draw")
    rolls = {
        title: chain(reorder(validate(_checked(phrases, tracks)), tracks, order))
        for title, phrases in sets.items()
    }
    steps = {title: np.shape(phrases)[2] for title, phrases in sets.items()}
    n_bars = max(len(roll) // steps[title] for title, roll in rolls.items())
    ranges = [_pitch_range([roll[..., k] for roll in rolls.values()]) for k in range(len(order))]

    spans = [high - low for low, high in ranges]
    figure = new_figure(width, len(rolls) * (0.018 * sum(spans) + 0.16) + 0.3)
    grid = figure.subplots(
        len(rolls) * len(order), 1, sharex=True, height_ratios=spans * len(rolls), squeeze=False
    ).reshape(len(rolls), len(order))
    for row, (title, roll) in zip(grid, rolls.items(), strict=True):
        row[0].set_title(title, loc="left", fontweight="bold")
        for k, axes in enumerate(row):
            _draw_blocks(axes, roll[..., k], order[k], steps[title], n_bars)
            _label_pitches(axes, order[k], *ranges[k])
            _rule_bars(axes, n_bars)
    grid[-1, -1].set_xlabel("bar")
    grid[-1, -1].tick_params(axis="x", labelbottom=True)
    figure.align_ylabels()
    return figure


def _rule_grid(axes: Axes, n_rows: int, columns: int, n_bars: int) -> None:
    """Draws fine lines between bars and octaves, and black ones around each phrase."""
    right, top = columns * n_bars, n_rows * N_PITCHES
    octaves = np.arange(12, top, 12)
    # The lines are translucent, so that a note that they cross does not seem cut in two.
    fine = {"colors": "black", "linewidths": 0.35}
    axes.hlines(octaves[octaves % N_PITCHES != 0], 0, right, alpha=0.15, **fine)
    axes.vlines(np.arange(1, right), 0, top, alpha=0.25, **fine)
    axes.vlines(np.arange(1, columns) * n_bars, 0, top, colors="black", linewidths=0.8)
    axes.hlines(np.arange(1, n_rows) * N_PITCHES, 0, right, colors="black", linewidths=1.4)
    frame(axes)


def _rule_panel(axes: Axes, n_tracks: int, n_bars: int) -> None:
    """Draws grey lines between bars, and black ones between tracks."""
    top = n_tracks * N_PITCHES
    axes.vlines(np.arange(1, n_bars), 0, top, colors="0.6", linewidths=0.35)
    axes.hlines(np.arange(1, n_tracks) * N_PITCHES, 0, n_bars, colors="black", linewidths=0.8)
    frame(axes)


def _patch(name: str) -> Patch:
    return Patch(facecolor=TRACK_COLOURS[name], edgecolor="0.3", linewidth=0.3)


def _pitch_range(rolls: list[np.ndarray]) -> tuple[int, int]:
    """Returns the pitch indices that a row shows, from the first to one beyond the last."""
    used = np.flatnonzero(np.any([roll.any(axis=0) for roll in rolls], axis=0))
    low, high = (used[0] - 2, used[-1] + 3) if len(used) else (24, 24 + _MIN_PITCHES)
    more = max(_MIN_PITCHES - (high - low), 0)
    return int(low - more // 2), int(high + (more + 1) // 2)


def _draw_blocks(axes: Axes, roll: np.ndarray, track: str, n_steps: int, n_bars: int) -> None:
    """Draws notes as blocks, and drum hits as blocks of a fixed width."""
    hit = max(1 / 24, n_bars / 1200)
    events = notes.hits(roll) if track == "drums" else notes.from_roll(roll)
    start = events["onset"] / n_steps
    end = start + (hit if track == "drums" else events["duration"] / n_steps)
    low = events["pitch"].astype(float)
    corners = np.stack([start, low, start, low + 1, end, low + 1, end, low], axis=1)
    colour = np.array(TRACK_COLOURS.get(track, (0.4, 0.4, 0.4)))
    axes.add_collection(
        PolyCollection(
            corners.reshape(-1, 4, 2),
            facecolors=[colour * 0.9],
            edgecolors=[colour * 0.45],
            linewidths=min(0.3, 10 / n_bars),
            zorder=3,
        )
    )


def _label_pitches(axes: Axes, track: str, low: int, high: int) -> None:
    """Labels the octaves and draws lines at them; for drums, three instruments instead."""
    if track == "drums":
        names = {pitch - LOWEST_PITCH + 0.5: name for pitch, name in _DRUMS.items()}
    else:
        names = {pitch: f"C{pitch // 12 + 1}" for pitch in range(0, N_PITCHES, 12)}
    shown = [pitch for pitch in names if low <= pitch < high]
    axes.set_yticks(shown, [names[pitch] for pitch in shown])
    axes.grid(axis="y")
    axes.set(ylim=(low, high), ylabel=track)


def _rule_bars(axes: Axes, n_bars: int) -> None:
    """Draws bar lines, and beat lines in short songs, and numbers the bars from 1."""
    labelled = next((n for n in (1, 2, 4, 8, 16) if n_bars <= 20 * n), 32)
    lined = 1 if n_bars <= 80 else labelled
    beats = np.arange(0, n_bars, 1 / BEATS_PER_BAR) if n_bars <= 12 else []
    bars = np.arange(0, n_bars, labelled)
    for lines, colour in ((beats, "0.92"), (np.arange(lined, n_bars, lined), GRID)):
        full_height = {"transform": axes.get_xaxis_transform()}  # vertical axis: 0 bottom, 1 top
        axes.vlines(lines, 0, 1, colors=colour, linewidths=0.4, **full_height)
    axes.set_xticks(bars, bars + 1)
    axes.set_xlim(0, n_bars)
    axes.spines[:].set(visible=True, color="0.4")
    axes.tick_params(axis="x", length=0)
