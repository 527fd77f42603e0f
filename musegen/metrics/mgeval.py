"""Yang and Lerch's features of one piece of music.

L.-C. Yang and A. Lerch, "On the evaluation of generative models in music", Neural Computing and
Applications, 2018. Original code: `mgeval/core.py` of github.com/RichardYang40148/mgeval, whose
functions have the same names as those here. `musegen.metrics.stats` compares two sets that were
measured: the distances inside a set with those between the sets.

Conventions
    A pitch class is a pitch modulo 12, with 0 for C. Rows of a matrix are where a transition comes
    from, columns where it goes. Note lengths have the 12 classes of `LENGTHS`.

Input
    An `Events` of `musegen.metrics.events`: `from_midi` reads it from a file, `from_phrases` makes
    one of each generated phrase, `from_pieces` one of each piece of notes. "Instrument 0" is the
    first with notes; `track_num` is the number of a file track.

Values
    `features` computes the features of one sample, `measure` those of a set.

Definitions
    - `"mgeval"`, the default, computes what the published code does. It reads the meter from the
      measured file track alone. For note counts and note lengths it reads the value number
      `track_num` of the time signature as its numerator, which is right for track 0 only.
    - `"mgeval_fixed"` reads the true numerator, from the first file track that has a time
      signature, follows changes of meter, and counts the transitions between notes and rests in
      one sequence.

Edge cases
    A mean over nothing is NaN. Where the published code fails (a silent or missing track, bars that
    do not divide the roll) these functions raise an `Error`.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from musegen import Error
from musegen.metrics.events import FRAMES, Events

DEFINITIONS = ("mgeval", "mgeval_fixed")
CHAINED = 0.05  # seconds between the end of a note and the start of the next one, at most
LENGTHS = {
    "whole": 96, "half": 48, "quarter": 24, "8th": 12, "16th": 6,
    "dotted half": 72, "dotted quarter": 36, "dotted 8th": 18, "dotted 16th": 9,
    "half triplet": 32, "quarter triplet": 16, "8th triplet": 8,
}  # the classes of note lengths, in 96ths of a bar  # fmt: skip
REST_TOLERANCE = 3  # 96ths of a bar by which a rest may differ from its class


def total_used_pitch(events: Events) -> int:
    """PC, pitch count: number of different pitches of instrument 0."""
    return int(np.count_nonzero(events.instrument(0).weight))


def pitch_range(events: Events) -> int:
    """PR, pitch range: highest minus lowest pitch of instrument 0, in semitones."""
    used = np.flatnonzero(events.instrument(0).weight)
    if not len(used):
        raise Error(f"{events.name}: instrument 0 is silent or a drum set: it has no pitch range")
    return int(used[-1] - used[0])


def total_pitch_class_histogram(events: Events) -> np.ndarray:
    """PCH, pitch class histogram of instrument 0, `(12,)`.

    The roll, whose cells are velocities, is summed over time and octaves and divided by its sum, so
    that notes count by their duration and velocity.
    """
    return _shares(_fold(events.instrument(0).weight).astype(float))


def bar_used_pitch(
    events: Events, track_num: int = 0, num_bar: int | None = None, definition: str = "mgeval"
) -> np.ndarray:
    """PC/bar, the number of different pitches in each bar of a file track, `(num_bar,)`.

    Under `"mgeval"` the list of all pitches is cut into one group for each bar, as long as the bar
    has notes; notes before or after the counted bars therefore shift the groups.

    Args:
        track_num: number of the file track.
        num_bar: number of bars; by default as many as the track has.
        definition: `"mgeval"` or `"mgeval_fixed"`.
    """
    track = events.track(track_num)
    pitch = track.pitch[track.on]
    bar, num_bar = _bars(events, track_num, num_bar, 0, definition)
    if definition == "mgeval":
        if (len(pitch) > 0) != (num_bar > 0):
            raise Error(f"{events.name}: file track {track_num} has no bar with notes")
        counts = np.bincount(bar, minlength=num_bar)
        bar = np.repeat(np.arange(num_bar), counts)
        pitch = pitch[: len(bar)]
    else:
        bar, pitch = bar[bar < num_bar], pitch[bar < num_bar]
    return np.bincount(np.unique(bar * 128 + pitch) // 128, minlength=num_bar)


def total_used_note(events: Events, track_num: int = 0) -> int:
    """NC, note count: number of note-on events of a file track."""
    return int(np.count_nonzero(events.track(track_num).on))


def bar_used_note(
    events: Events, track_num: int = 0, num_bar: int | None = None, definition: str = "mgeval"
) -> np.ndarray:
    """NC/bar, the number of note-on events in each bar of a file track, `(num_bar,)`."""
    bar, num_bar = _bars(events, track_num, num_bar, track_num, definition)
    return np.bincount(bar[bar < num_bar], minlength=num_bar)


def bar_pitch_class_histogram(
    events: Events,
    track_num: int = 0,
    num_bar: int | None = None,
    bpm: float = 120.0,
    definition: str = "mgeval",
) -> np.ndarray:
    """PCH/bar, the pitch class histogram of each bar, `(num_bar, 12)`; zeros in silent bars.

    Under `"mgeval"` the roll is cut or filled to a multiple of the bar and split into `num_bar`
    equal parts; a roll of whole bars that is longer than `num_bar` bars is cut to nothing. Under
    `"mgeval_fixed"` the parts are the first `num_bar` bars.

    Args:
        track_num: number of the instrument (not of a file track, in this feature only).
        num_bar: number of bars; by default as many as the roll has.
        bpm: beats a minute, from which the length of a bar in the roll is computed.
    """
    _check(definition, num_bar)
    chroma = _fold(events.instrument(track_num).roll())  # (12, frames)
    meter = events.track(0).signatures[-1:, 2:4]
    if not len(meter):
        raise Error(f"{events.name}: no time signature in file track 0, so no bars")
    numerator, power = map(int, meter[0])
    bar = 60.0 / bpm * numerator * 4 / 2**power * FRAMES
    if bar < 1:
        raise Error(f"{events.name}: a bar of {numerator}/{2**power} is shorter than a frame")
    frame = np.arange(chroma.shape[1])
    if definition == "mgeval":
        num_bar, size, kept = _equal_parts(len(frame), bar, num_bar, events.name)
        index = frame[:kept] // max(size, 1)
    else:
        num_bar = int(np.ceil(len(frame) / bar)) if num_bar is None else num_bar
        index = (frame / bar).astype(int)
        index = index[index < num_bar]
    histogram = np.zeros((num_bar, 12))
    np.add.at(histogram, index, chroma.T[: len(index)])
    total = histogram.sum(axis=1, keepdims=True)
    return histogram / np.where(total == 0, 1, total)


def pitch_class_transition_matrix(events: Events, normalize: int = 0) -> np.ndarray:
    """PCTM, pitch class transition matrix of all pitched instruments, `(12, 12)`.

    Entry (a, b) is the number of pairs of notes of one instrument, of classes a and b, where the
    first ends less than 0.05 s before or after the second starts. A note shorter than that forms a
    pair with itself.

    Args:
        normalize: 0 for counts, 1 to divide each row by its sum, 2 to divide by the total.
    """
    matrix = np.zeros((12, 12))
    for part in events.instruments:
        if part.is_drum or len(part.pitch) < 2:
            continue
        order = np.argsort(part.start)
        start = part.start[order]
        # Candidates by bisection on a slightly wider window, then the exact test.
        low = np.searchsorted(start, part.end - 2 * CHAINED)
        count = np.searchsorted(start, part.end + 2 * CHAINED) - low
        source = np.repeat(np.arange(len(start)), count)
        target = np.arange(len(source)) + np.repeat(low - count.cumsum() + count, count)
        pair = np.abs(part.end[source] - start[target]) < CHAINED
        pitch_class = part.pitch % 12
        matrix += _pairs(pitch_class[source[pair]], pitch_class[order][target[pair]], 12)
    return _normalized(matrix, normalize)


def avg_pitch_shift(events: Events, track_num: int = 0) -> float:
    """PI, average pitch interval: mean |p[i+1] - p[i]| over the note-on events of a file track."""
    track = events.track(track_num)
    return _mean(np.abs(np.diff(track.pitch[track.on])))


def avg_IOI(events: Events) -> float:
    """IOI, average inter-onset interval: mean t[i+1] - t[i] over all sorted onsets, in seconds."""
    onsets = [part.start for part in events.instruments]
    return _mean(np.diff(np.sort(np.concatenate([np.zeros(0), *onsets]))))


def note_length_hist(
    events: Events,
    track_num: int = 0,
    normalize: bool = True,
    pause_event: bool = False,
    definition: str = "mgeval",
) -> np.ndarray:
    """NLH, note length histogram: number of notes of each class of `LENGTHS`, `(12,)`.

    Args:
        track_num: number of the file track.
        normalize: whether the histogram is divided by its sum.
        pause_event: whether 12 classes of rests follow those of notes, `(24,)`.
        definition: `"mgeval"` or `"mgeval_fixed"`.
    """
    note, rest, counted = _length_classes(events, track_num, definition)
    counts = np.bincount(note[note >= 0], minlength=12).astype(float)
    if pause_event:
        counts = np.append(counts, np.bincount(rest[counted], minlength=12))
    return _shares(counts) if normalize else counts


def note_length_transition_matrix(
    events: Events,
    track_num: int = 0,
    normalize: int = 0,
    pause_event: bool = False,
    definition: str = "mgeval",
) -> np.ndarray:
    """NLTM, note length transition matrix: how often class b follows class a, `(12, 12)`.

    Args:
        track_num: number of the file track.
        normalize: 0 for counts, 1 to divide each row by its sum, 2 to divide by the total.
        pause_event: whether rests are counted too, `(24, 24)`. Under `"mgeval"` the result is then
            that of the published code, which is not a transition matrix; see `_rest_walk`.
        definition: `"mgeval"` or `"mgeval_fixed"`.
    """
    note, rest, counted = _length_classes(events, track_num, definition)
    if pause_event and definition == "mgeval":
        return _normalized(_rest_walk(note, rest, counted), normalize)
    classes = note
    if pause_event:
        classes = np.stack([np.where(counted, rest + 12, -1), note], axis=1).ravel()
    classes = classes[classes >= 0]
    return _normalized(_pairs(classes[:-1], classes[1:], 24 if pause_event else 12), normalize)


_OPTIONS: dict[Callable, tuple[str, ...]] = {
    total_used_pitch: (),
    pitch_range: (),
    total_pitch_class_histogram: (),
    bar_used_pitch: ("track_num", "num_bar", "definition"),
    total_used_note: ("track_num",),
    bar_used_note: ("track_num", "num_bar", "definition"),
    bar_pitch_class_histogram: ("track_num", "num_bar", "definition"),
    pitch_class_transition_matrix: ("normalize",),
    avg_pitch_shift: ("track_num",),
    avg_IOI: (),
    note_length_hist: ("track_num", "pause_event", "definition"),
    note_length_transition_matrix: ("track_num", "normalize", "pause_event", "definition"),
}
FEATURES = tuple(feature.__name__ for feature in _OPTIONS)
BAR_FEATURES = ("bar_used_pitch", "bar_used_note", "bar_pitch_class_histogram")


def features(
    events: Events,
    names: Sequence[str] = FEATURES,
    track_num: int = 0,
    num_bar: int | None = None,
    normalize: int = 0,
    pause_event: bool = False,
    definition: str = "mgeval",
) -> dict[str, int | float | np.ndarray]:
    """Computes the features of one sample.

    Args:
        events: the sample.
        names: names of the features to compute; by default all.
        track_num: number of the file track, and the instrument of `bar_pitch_class_histogram`.
        num_bar: number of bars for the features of bars; by default as many as the sample has.
        normalize: how the two matrices are normalized, 0, 1 or 2.
        pause_event: whether rests are counted among the note lengths.
        definition: `"mgeval"` or `"mgeval_fixed"`.

    Returns:
        The features by name.
    """
    unknown = set(names) - set(FEATURES)
    if unknown:
        raise Error(f"no feature {', '.join(sorted(unknown))}; choose {', '.join(FEATURES)}")
    options = {
        "track_num": track_num, "num_bar": num_bar, "normalize": normalize,
        "pause_event": pause_event, "definition": definition,
    }  # fmt: skip
    return {
        feature.__name__: feature(events, **{option: options[option] for option in accepted})
        for feature, accepted in _OPTIONS.items()
        if feature.__name__ in names
    }


def measure(
    samples: Iterable[Events], names: Sequence[str] | None = None, **options
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Computes the features of a set of samples.

    A sample without one of the features (because its track is silent or has a single note) is left
    out of all features.

    Args:
        samples: samples of the set.
        names: names of the features; by default all, but those of bars only with `num_bar`.
        **options: further arguments of `features`.

    Returns:
        The features by name, arrays whose first axis is the sample; and a list with one line for
        each sample that was left out, its name and the reason.
    """
    if names is None:
        with_bars = options.get("num_bar") is not None
        names = [name for name in FEATURES if with_bars or name not in BAR_FEATURES]
    kept, left_out = [], []
    for sample in samples:
        try:
            values = features(sample, names, **options)
        except Error as error:
            left_out.append(str(error))
            continue
        undefined = [name for name, value in values.items() if np.isnan(value).any()]
        if undefined:
            left_out.append(f"{sample.name}: too few notes for {', '.join(undefined)}")
        else:
            kept.append(values)
    return {name: np.array([values[name] for values in kept]) for name in names}, left_out


def _check(definition: str, num_bar: int | None = None) -> None:
    if definition not in DEFINITIONS:
        raise Error(f"unknown definition {definition!r}; choose {' or '.join(DEFINITIONS)}")
    if num_bar is not None and num_bar < 1:
        raise Error(f"num_bar is {num_bar}; give 1 or more, or nothing for all bars")


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _shares(counts: np.ndarray) -> np.ndarray:
    """Divides counts by their sum; NaN when all are zero."""
    total = counts.sum()
    return counts / total if total else np.full_like(counts, np.nan)


def _fold(values: np.ndarray) -> np.ndarray:
    """Sums pitches `(128, ...)` into pitch classes `(12, ...)`."""
    octaves = np.concatenate([values, np.zeros((4, *values.shape[1:]), values.dtype)])
    return octaves.reshape(11, 12, *values.shape[1:]).sum(axis=0)


def _pairs(first: np.ndarray, second: np.ndarray, n: int) -> np.ndarray:
    """Counts pairs of classes 0 to n - 1 in a matrix `(n, n)`."""
    return np.bincount(first * n + second, minlength=n * n).reshape(n, n).astype(float)


def _normalized(matrix: np.ndarray, normalize: int) -> np.ndarray:
    if normalize == 0:
        return matrix
    if normalize == 1:
        rows = matrix.sum(axis=1, keepdims=True)
        return matrix / np.where(rows == 0, 1, rows)
    if normalize == 2:
        return _shares(matrix)
    raise Error(f"unknown normalisation {normalize!r}; choose 0 (counts), 1 (rows) or 2 (total)")


def _bars(
    events: Events, track_num: int, num_bar: int | None, entry: int, definition: str
) -> tuple[np.ndarray, int]:
    """Returns the bar of each counted note of a file track, and the number of bars."""
    _check(definition, num_bar)
    track = events.track(track_num)
    if definition == "mgeval_fixed":
        begin, length, first = _meter(events)
        tick = np.append(track.tick[track.on], max(track.end - 1, 0))
        meter = np.searchsorted(begin, tick, side="right") - 1
        bar = first[meter] + (tick - begin[meter]) // length[meter]
        return bar[:-1], int(bar[-1]) + 1 if num_bar is None else num_bar

    position = np.flatnonzero(track.on)
    before = track.signatures[:, 1]
    if not len(position) and not len(before):
        raise Error(f"{events.name}: file track {track_num} has neither notes nor a meter")
    lengths = track.bar_lengths(events.resolution, entry)
    without_meter = not len(before) or (len(position) > 0 and position[0] < before[0])
    length = lengths[0 if without_meter else 1]
    if not length or not lengths[-1]:
        raise Error(f"{events.name}: file track {track_num} has a meter of no length")
    if num_bar is None:
        num_bar = int(track.end / length + 0.5)
    if without_meter and track.tick[position[0]] // length >= num_bar:
        raise Error(f"{events.name}: file track {track_num} starts after its {num_bar} bars")
    # The published code counts from zero again at each time signature.
    counted = position[position >= before[-1]] if len(before) else position
    bar = track.tick[counted] // lengths[-1]
    return bar[bar < num_bar], num_bar


def _meter(events: Events) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the first tick, the bar length and the first bar of each section of one meter."""
    track = next((track for track in events.tracks if len(track.signatures)), events.track(0))
    begin = np.append(0, track.signatures[:, 0])
    length = track.bar_lengths(events.resolution)
    if not length.all():
        raise Error(f"{events.name}: a time signature has bars of no length")
    first = np.append(0, np.cumsum(-(-np.diff(begin) // length[:-1])))
    return begin, length, first


def _equal_parts(n: int, bar: float, num_bar: int | None, name: str) -> tuple[int, int, int]:
    """Splits a roll of `n` frames as the published code does.

    Returns:
        The number and the size of the equal parts, and the number of frames that are kept.
    """
    size = int(bar + 0.5) if num_bar is None else int(np.ceil(bar))
    num_bar = int(n / bar + 0.5) if num_bar is None else num_bar
    if n / bar > num_bar:
        filled = n - (n % size or n)  # the published code cuts everything if bars divide the roll
    else:
        filled = n if n / bar == num_bar else num_bar * size
    if not num_bar or filled % num_bar or (n / bar < num_bar and filled < n):
        raise Error(f"{name}: a roll of {n} frames cannot be split into {num_bar} equal bars")
    return num_bar, filled // num_bar, min(n, filled)


def _length_classes(
    events: Events, track_num: int, definition: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Finds the length classes of the notes of a file track and of the rests before them.

    Returns:
        For each note its class, or -1 if it has no end; the class of the rest before it, or -1 if
        no rest was measured; and whether that rest is counted. No rest is measured if the event
        just before is a note-on, or if another note ends at the tick at which this one begins and
        its note-off comes later in the file.
    """
    _check(definition)
    track = events.track(track_num)
    tick, on, pitch, n = track.tick, track.on, track.pitch, len(track.tick)
    if definition == "mgeval_fixed":
        begin, length, _ = _meter(events)
        bar = length[np.searchsorted(begin, tick, side="right") - 1]
    else:
        lengths = track.bar_lengths(events.resolution, track_num)
        bar = lengths[np.searchsorted(track.signatures[:, 1], np.arange(n), side="right")]
    note, off = np.flatnonzero(on), np.flatnonzero(~on)
    unit = (bar[note] / 96)[:, None]

    def nearest(ticks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        distance = np.abs(unit * list(LENGTHS.values()) - ticks[:, None])
        return distance.argmin(axis=1), distance.min(axis=1, initial=np.inf)

    ends = np.append(np.sort(pitch[off] * n + off), 128 * n)  # by pitch, then by position
    end = ends[np.searchsorted(ends, pitch[note] * n + note)]
    ended, end = end // max(n, 1) == pitch[note], end % max(n, 1)
    note_class = np.where(ended, nearest(tick[end] - tick[note])[0], -1)

    same_tick = np.searchsorted(tick, tick[note], side="right")
    stop = np.where(ended, np.minimum(end, same_tick), same_tick)
    n_ends = np.append(0, np.cumsum(~on))
    measured = (note > 0) & ~on[note - 1] & (n_ends[stop] == n_ends[note + 1])
    rest_class, distance = nearest(tick[note] - tick[note - 1])
    counted = measured & (distance < REST_TOLERANCE * unit[:, 0])
    return note_class, np.where(measured, rest_class, -1), counted


def _rest_walk(note: np.ndarray, rest: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Counts the 24-bin matrix of the published code.

    The code visits the notes in order and keeps a state, the class of the last note. A rest that is
    counted adds 1 at (state, state + 12) and does not change the state; a rest that was measured
    but is not counted becomes the state. A note adds 1 at (state, its class) and becomes the state.

    Args:
        note, rest, counted: what `_length_classes` returns.
    """
    ended, measured = note >= 0, rest >= 0
    known = ended | (measured & ~counted)  # otherwise the state stays as it was
    known[np.flatnonzero(ended | measured)[:1]] = True
    state = np.where(ended & (counted | ~measured), note, rest)
    latest = np.maximum.accumulate(np.where(known, np.arange(len(note)), -1))
    state = np.where(latest >= 0, state[latest], -1)
    before = np.append(-1, state[:-1])[: len(note)]
    held = np.where(ended, note, before)
    step, pause = ended & (before >= 0), counted & (held >= 0)
    return _pairs(before[step], note[step], 24) + _pairs(held[pause], held[pause] + 12, 24)
