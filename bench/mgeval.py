"""Measures the time of Yang and Lerch's features and comparison, and of plain code for the same.

    python bench/mgeval.py [--files 40] [--samples 60] [FOLDER]

FOLDER holds MIDI files; by default demo phrases are written to a temporary one. The plain features
are loops over the events of the file's first track with notes, and rolls of pretty_midi, as in the
published code. Their values are compared before the ratio is printed. The time to read a file is
the same for both and is printed in a line of its own. The plain comparison is
`scipy.stats.gaussian_kde` of all distances and adaptive quadrature.
"""

import argparse
import tempfile
import time
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pretty_midi
from scipy import integrate
from scipy.stats import entropy, gaussian_kde

from musegen.data import demo
from musegen.metrics import mgeval, stats
from musegen.metrics.events import Events, from_midi, from_phrases
from musegen.music import midi
from musegen.music.phrases import TRACKS, reorder


def plain_features(events: Events, parsed: pretty_midi.PrettyMIDI, k: int) -> dict:
    """Computes eleven features, those of note events from file track `k`."""
    # The published code makes the roll once for each of the three features that need it.
    rolls = [parsed.instruments[0].get_piano_roll(100) for _ in range(3)]
    used = [pitch for pitch in range(128) if rolls[0].sum(axis=1)[pitch] > 0]
    classes = np.zeros(12)
    for pitch in range(128):
        classes[pitch % 12] += rolls[2].sum(axis=1)[pitch]
    pitches, counts, per_bar = plain_bars(events, k)
    lengths, steps = plain_lengths(events, k)
    return {
        "total_used_pitch": len(used),
        "pitch_range": used[-1] - used[0],
        "total_pitch_class_histogram": classes / classes.sum(),
        "bar_used_pitch": per_bar,
        "total_used_note": len(pitches),
        "bar_used_note": counts,
        "pitch_class_transition_matrix": parsed.get_pitch_class_transition_matrix(),
        "avg_pitch_shift": np.mean([abs(b - a) for a, b in pairwise(pitches)]),
        "avg_IOI": np.diff(parsed.get_onsets()).mean(),
        "note_length_hist": lengths / lengths.sum(),
        "note_length_transition_matrix": steps,
    }


def plain_bars(events: Events, k: int) -> tuple[list[int], list[int], list[int]]:
    """Returns the pitches in order, and the number of notes and of pitches of each bar."""
    track = events.tracks[k]
    bar = int(track.bar_lengths(events.resolution, k)[-1])
    counts = [0] * int(track.end / bar + 0.5)
    pitches = []
    for tick, on, pitch in zip(track.tick.tolist(), track.on, track.pitch.tolist(), strict=True):
        if on:
            pitches.append(pitch)
            if tick // bar < len(counts):
                counts[tick // bar] += 1
    distinct, start = [], 0
    for count in counts:
        distinct.append(len(set(pitches[start : start + count])))
        start += count
    return pitches, counts, distinct


def plain_lengths(events: Events, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the counts of length classes, and of their transitions."""
    track = events.tracks[k]
    unit = track.bar_lengths(events.resolution, k)[-1] / 96
    counts, steps, last = np.zeros(12), np.zeros((12, 12)), None
    for i in range(len(track.tick)):
        if not track.on[i]:
            continue
        for j in range(i, len(track.tick)):
            if not track.on[j] and track.pitch[j] == track.pitch[i]:
                length = track.tick[j] - track.tick[i]
                nearest = np.abs(np.array([*mgeval.LENGTHS.values()]) * unit - length).argmin()
                counts[nearest] += 1
                if last is not None:
                    steps[last, nearest] += 1
                last = nearest
                break
    return counts, steps


def plain_comparison(a: np.ndarray, b: np.ndarray) -> list[float]:
    """Returns KLD and OA with the inter-set distances, of the distances within a, then within b."""
    inter, scores = stats.inter_set(a, b), []
    for intra in (stats.intra_set(a), stats.intra_set(b)):
        p, q = gaussian_kde(intra), gaussian_kde(inter)
        points = [np.linspace(x.min(), x.max(), stats.POINTS) for x in (intra, inter)]
        ends = min(intra.min(), inter.min()), max(intra.max(), inter.max())
        overlap = integrate.quad(lambda x, p=p, q=q: min(p(x)[0], q(x)[0]), *ends)[0]
        scores += [entropy(p(points[0]), q(points[1])), overlap]
    return scores


def timed(function, *args):
    """Returns the result of a function, and its processor time in milliseconds."""
    start = time.process_time()
    return function(*args), 1000 * (time.process_time() - start)


def bench_features(folder: Path, n: int) -> None:
    """Measures and prints the time of the features."""
    times = []
    for path in sorted(folder.rglob("*.mid"))[:n]:
        parsed, reading = timed(pretty_midi.PrettyMIDI, str(path))
        events = from_midi(path)
        track = next(k for k, track in enumerate(events.tracks) if len(track.tick))
        if events.instruments[0].is_drum or len(events.tracks[track].signatures) > 1:
            continue  # drums have no pitch range; the published code drops bars before a new meter
        wanted, slow = timed(plain_features, events, parsed, track)
        got, fast = timed(mgeval.features, events, list(wanted), track)
        for name, value in wanted.items():
            np.testing.assert_allclose(got[name], value, rtol=1e-9, err_msg=f"{path}: {name}")
        times.append((reading, slow, fast))
    reading, slow, fast = np.mean(times, axis=0)
    print(f"11 features of {len(times)} MIDI files, ms a file")
    print(f"reading (pretty_midi)  {reading:8.1f}")
    print(f"plain                  {slow:8.1f}")
    print(f"musegen                {fast:8.1f}  ratio {slow / fast:.1f}")


def bench_comparison(n: int) -> None:
    """Measures and prints the time of the comparison of two sets."""
    sets = []
    for seed in (0, 1):
        phrases = reorder(demo.phrases(3 * n, 48, seed), TRACKS, ["bass"])
        features, _ = mgeval.measure(from_phrases(phrases, tracks=["bass"]))
        sets.append({name: values[:n] for name, values in features.items()})
    size = min(len(one["pitch_range"]) for one in sets)
    ours, fast = timed(stats.compare, *sets)
    slow = 0.0
    for name, one in ours.items():
        if np.isnan(one.kld).any():
            continue
        wanted, milliseconds = timed(plain_comparison, sets[0][name][:size], sets[1][name][:size])
        got = [one.kld[0], one.oa[0], one.kld[1], one.oa[1]]
        np.testing.assert_allclose(got, wanted, atol=1e-4, rtol=1e-4, err_msg=name)
        slow += milliseconds
    print(f"\ncomparison of {len(ours)} features of two sets of {size} samples, ms")
    print(f"plain                  {slow:8.0f}")
    print(f"musegen                {fast:8.0f}  ratio {slow / fast:.1f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--files", type=int, default=40)
    parser.add_argument("--samples", type=int, default=60)
    args = parser.parse_args()
    warnings.simplefilter("ignore", RuntimeWarning)  # pretty_midi: a meter not in track 0
    warnings.simplefilter("ignore", integrate.IntegrationWarning)
    with tempfile.TemporaryDirectory() as made:
        if args.folder is None:
            names = ["bass", "piano", "guitar", "strings", "drums"]
            phrases = reorder(demo.phrases(8 * args.files, 48), TRACKS, names)
            for i, song in enumerate(np.split(phrases, args.files)):
                midi.write(song, Path(made) / f"{i:04d}.mid", gap=0, tracks=tuple(names))
        bench_features(args.folder or Path(made), args.files)
    bench_comparison(args.samples)


if __name__ == "__main__":
    main()
