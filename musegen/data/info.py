"""Describes the contents of a data set: `musegen data info`."""

import json
import math
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import Error
from musegen.data.prepare import counts_line
from musegen.files import check, shown
from musegen.metrics import PERCENT

if TYPE_CHECKING:
    import numpy as np

    from musegen.data.loading import Data

MUSIC = ("phrases", "notes")
DEFINITIONS = ("paper", "v1")
PICTURED = 16  # phrases in the picture
_NAMES = {
    "EB": "empty bars, %", "UP": "pitches a bar", "UPC": "pitch classes a bar",
    "QN": "qualified notes, %", "PP": "polyphonic steps, %", "SR": "in the scale, %",
    "DP": "drum pattern, %", "TD": "tonal distance",
}  # fmt: skip


def describe(opened: "Data") -> dict:
    """Returns the counts, layout, density and metrics of a data set.

    The density is the share of cells that are on. The metrics are indexed by definition, code and
    track; those of `PERCENT` are in percent, and an undefined value is None.
    """
    layout = opened.layout
    return {
        "name": opened.name,
        "phrases": len(opened),
        "layout": {
            "n_bars": layout.n_bars,
            "n_steps": layout.n_steps,
            "tracks": list(layout.tracks),
        },
        "skipped": len(opened.skipped),
        "density": _density(opened),
        "metrics": {definition: _metrics(opened, definition) for definition in DEFINITIONS},
    }


def origin(source: str | Path) -> dict:
    """Returns songs, splits, source and settings of prepared data, and nothing for other data."""
    from musegen.data.shards import MANIFEST
    from musegen.data.shelves import manifest_of

    if not (Path(source) / MANIFEST).exists():
        return {}
    manifest = manifest_of(source)
    return {key: manifest[key] for key in ("songs", "splits", "source", "settings")}


def _density(opened: "Data") -> dict[str, float]:
    """Returns the share of cells that are on, by track."""
    import numpy as np

    tracks = opened.layout.tracks
    cells = np.zeros(len(tracks))
    for block in opened.blocks():
        lines = block.reshape(-1, block.shape[-2] * block.shape[-1]).view(np.uint8)
        cells += lines.sum(axis=0, dtype=np.int64).reshape(-1, len(tracks)).sum(axis=0)
    share = cells * len(tracks) / (len(opened) * opened.layout.n_cells)
    return dict(zip(tracks, share.tolist(), strict=True))


def _metrics(opened: "Data", definition: str) -> dict[str, dict[str, float | None]]:
    """Returns the metrics of one definition, by code and track."""
    from musegen.metrics import muse

    metrics = muse.evaluate(opened.blocks(), definition, opened.layout.tracks)
    return {
        code: {
            part: value * (100 if code in PERCENT else 1) if math.isfinite(value) else None
            for part, value in values.items()
        }
        for code, values in metrics.items()
    }


def sample(opened: "Data", n: int = PICTURED, seed: int = 0) -> "np.ndarray":
    """Returns `n` random phrases in the order of the data, or all if there are fewer."""
    import numpy as np

    chosen = np.random.default_rng(seed).permutation(len(opened))[:n]
    phrases, start = [], 0
    for block in opened.blocks():
        inside = np.sort(chosen[(chosen >= start) & (chosen < start + len(block))])
        phrases.append(block[inside - start])
        start += len(block)
    return np.concatenate(phrases)


def picture(opened: "Data", path: str | Path, seed: int = 0) -> None:
    """Draws random phrases, all tracks of a phrase overlaid; PNG or PDF by the ending of `path`."""
    from musegen import plots
    from musegen.music.phrases import TRACKS, reorder

    tracks = [name for name in opened.layout.tracks if name in TRACKS]
    phrases = reorder(sample(opened, seed=seed), opened.layout.tracks, tracks)
    plots.save(plots.phrase_grid(phrases, columns=4, tracks=tracks), path)


def table(info: dict) -> str:
    """Formats what `describe` and `origin` return as text."""
    layout = info["layout"]
    tracks = layout["tracks"]
    total = f"{info['phrases']:,} phrases"
    if "songs" in info:
        total += f" of {info['songs']:,} songs, from {info['source']}"
    lines = [
        shown(f"{info['name']}: {total}"),
        f"{layout['n_bars']} bars of {layout['n_steps']} steps, 84 pitches, {len(tracks)} tracks",
    ]
    if info["skipped"]:
        lines.append(f"{info['skipped']:,} files gave no phrase")
    lines += [f"  {counts_line(*split)}" for split in info.get("splits", {}).items()]
    density = {name: 100 * share for name, share in info["density"].items()}
    lines += ["", _line("", [f"{name:>9}" for name in tracks])]
    lines += [_row("cells on, %", density, tracks)]
    for definition, metrics in info["metrics"].items():
        lines += ["", f"metrics, definition {definition}"]
        for code, values in metrics.items():
            if code != "TD":
                lines.append(_row(f"{code:<4}{_NAMES[code]}", values, tracks))
        pairs = ", ".join(f"{pair} {_number(v)}" for pair, v in metrics.get("TD", {}).items())
        if pairs:
            lines.append(f"TD  {_NAMES['TD']}: {pairs}")
    return "\n".join(lines)


def _row(title: str, values: dict[str, float | None], tracks: list[str]) -> str:
    return _line(title, [f"{_number(values[k]) if k in values else '':>9}" for k in tracks])


def _line(title: str, cells: list[str]) -> str:
    return f"{title:<26}{''.join(cells)}".rstrip()


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


# The command


def add_arguments(parser: ArgumentParser) -> None:
    """Adds the options of `musegen data info`."""
    parser.add_argument(
        "source",
        metavar="DATA",
        help="prepared phrases or notes, an array file, MIDI or LPD files, chorales in JSON, demo, "
        "freedoom",
    )
    parser.add_argument(
        "--music",
        choices=MUSIC,
        help="describe songs as phrases of five tracks or as notes (default: as the data are "
        "prepared; phrases for songs)",
    )
    parser.add_argument(
        "--picture",
        metavar="FILE",
        help="file for a picture of 16 random phrases or of one random piece, .png or .pdf "
        "(default: phrases.png or piece.png)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the choice of what is drawn (default: 0)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")


def run(args: Namespace) -> None:
    """Prints what a data set holds, and draws a picture of it."""
    from musegen.data.piece_loading import holds_notes

    if args.seed < 0:
        raise Error(f"--seed {args.seed}: give 0 or more")
    check([], [args.source])
    notes = holds_notes(args.source)
    if notes and args.music == "phrases":
        raise Error(
            f"{args.source}: holds notes; prepare the songs again with --music phrases, or leave "
            "that out"
        )
    music = args.music or MUSIC[notes]
    path = {"phrases": "phrases.png", "notes": "piece.png"}[music]
    path = path if args.picture is None else args.picture
    if Path(path).suffix not in (".png", ".pdf"):
        raise Error(f"--picture {path}: the name must end in .png or .pdf")
    check([path], [args.source])
    info, text, drawn = (_of_notes if music == "notes" else _of_phrases)(args, path)
    if args.json:
        print(json.dumps(info | {"picture": path}, indent=2, allow_nan=False))
    else:
        print(f"{text}\n\n{shown(path)} shows {drawn}")


def _of_phrases(args: Namespace, path: str) -> tuple[dict, str, str]:
    """Describes phrases; returns the facts, the same as text, and what the picture shows."""
    from musegen import data

    opened = data.load(args.source)
    info = describe(opened) | origin(args.source)
    picture(opened, path, args.seed)
    return info, table(info), f"{min(PICTURED, len(opened))} random phrases"


def _of_notes(args: Namespace, path: str) -> tuple[dict, str, str]:
    """Describes pieces; returns the facts, the same as text, and what the picture shows."""
    from musegen.data import piece_info, piece_loading

    opened = piece_loading.load_pieces(args.source)
    info = piece_info.describe(opened) | origin(args.source)
    drawn = piece_info.picture(opened, path, args.seed)
    return info, piece_info.text(info), drawn
