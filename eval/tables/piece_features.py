"""The musical statistics of sets of pieces, and their comparison by Yang and Lerch's method.

A sample is a piece of 100 notes of all instruments together, at one tempo, in 4/4. Longer pieces
are cut into such samples, and shorter ones are samples as they are. Data and generated pieces are
treated alike.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from musegen import Error
from musegen.eval.papers.yang_lerch import FUNCTIONS
from musegen.eval.tables.phrase_samples import spaced
from musegen.eval.tables.report import PITCH_CLASSES, Metrics, Row, clean
from musegen.metrics import mgeval, stats
from musegen.metrics.events import from_pieces
from musegen.music.piece import Piece
from musegen.music.piece_statistics import notes_at_once
from musegen.music.tokens import triples
from musegen.plots.histograms import NOTE_LENGTHS

SAMPLES = 200  # samples of a set, at most
DEFINITION = "mgeval_fixed"
COMPARED = ("PC", "PCH", "PCTM", "PR", "PI", "IOI", "NLH", "NLTM")
AT_ONCE = "NO"
HISTOGRAMS = {"PCH": PITCH_CLASSES, "NLH": NOTE_LENGTHS[12]}
SHARES = ("PCH", "PCTM", "NLH", "NLTM")  # features that are counts or shares
_CUT = replace(triples.PRESETS["paper"], hop=100)

Features = dict[str, np.ndarray]


def samples(pieces: Iterable[Piece], n: int = SAMPLES) -> list[Piece]:
    """Cuts pieces into samples, and chooses at most `n`, evenly spaced, in random order.

    The order matters because a comparison uses the first samples of the larger set.
    """
    songs, _ = triples.collect(pieces, _CUT)
    cut = [
        (f"{song.name} {k + 1}", song.rows[start : start + _CUT.length])
        for song in songs
        for k, start in enumerate(triples.segment_starts(max(len(song), _CUT.length), _CUT))
    ]
    chosen = spaced(len(cut), n)
    order = np.random.default_rng(0).permutation(chosen)
    return [triples.to_piece(cut[k][1], _CUT, cut[k][0]) for k in order]


def measured(pieces: Iterable[Piece], name: str) -> Features:
    """Measures the features of samples of pieces; `name` is the name of the set in messages."""
    try:
        return features(samples(pieces))
    except Error as error:
        raise Error(f"{name}: {error}") from None


def features(pieces: Iterable[Piece]) -> Features:
    """Measures the features of samples, by their codes, arrays whose first axis is the sample.

    Samples without one of the features, such as those of one note, are left out.
    """
    kept: dict[str, list] = {code: [] for code in (*COMPARED, AT_ONCE)}
    for piece in pieces:
        values, left_out = mgeval.measure(
            from_pieces([piece]), [FUNCTIONS[code] for code in COMPARED], definition=DEFINITION
        )
        if not left_out:
            for code in COMPARED:
                kept[code].append(values[FUNCTIONS[code]][0])
            kept[AT_ONCE].append(notes_at_once(piece))
    if len(kept[AT_ONCE]) < 2:
        raise Error(f"{len(kept[AT_ONCE])} of its pieces can be measured, and two are needed")
    return {code: np.array(values) for code, values in kept.items()}


def rows(sets: Sequence[tuple[str, Features]]) -> list[Row]:
    """Returns a row for each set, of which there are name and features; the first is the data.

    Each feature has mean and deviation. Those of the other sets also have KLD and OA with the data,
    and histograms and transitions the `distance` of their means from those of the data: half the
    sum of the absolute differences of shares, from 0 to 1.
    """
    (data_name, data), *others = sets
    made = [Row(data_name, "data", len(data["PC"]), _means(data))]
    for name, own in others:
        metrics = _means(own)
        for code, result in stats.compare(own, data, DEFINITION).items():
            (kld, kld_data), (oa, oa_data) = result.kld, result.oa
            scores = {"KLD": kld, "OA": oa, "KLD data": kld_data, "OA data": oa_data}
            metrics[code] |= {part: clean(value) for part, value in scores.items()}
        for code in SHARES:
            metrics[code]["distance"] = clean(_distance(own[code], data[code]))
        made.append(Row(name, "generated", len(own["PC"]), metrics))
    return made


def _means(own: Features) -> Metrics:
    return {
        code: {"mean": clean(values.mean(axis=0)), "std": clean(values.std(axis=0))}
        for code, values in own.items()
    }


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the distance of the mean shares of two sets, NaN if one of them counts nothing."""
    a, b = (x.mean(axis=0) for x in (a, b))
    with np.errstate(invalid="ignore"):
        return float(np.abs(a / a.sum() - b / b.sum()).sum() / 2)


def histograms(made: Sequence[Row]) -> dict[str, tuple[Sequence[str], dict[str, list[float]]]]:
    """Returns the mean histograms of rows: by code the labels, and the values of each set.

    If several sets have the same name, they get numbers from the second on.
    """
    names = [row.name for row in made]
    unique = [
        name if names.index(name) == k else f"{name} ({names[: k + 1].count(name)})"
        for k, name in enumerate(names)
    ]
    return {
        code: (
            labels,
            {name: row.metrics[code]["mean"] for name, row in zip(unique, made, strict=True)},
        )
        for code, labels in HISTOGRAMS.items()
    }
