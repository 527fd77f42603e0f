"""Draws the pictures of the documents into `docs/images/`.

    python docs/make_images.py
    python docs/make_images.py freedoom/musics/d_map12.mid --notes nottingham chorales.json piano

Most are of the demo band. `distances.png` sets it beside the songs of Freedoom and is left as it is
where Debian's package freedoom is not installed; `restored.png` and `accompanied.png` are of the
song that is named, one which the systems have not learned; the melody VAE's Figures 2 and 3 are of
the notes that are named, the three corpora that it learned.
"""

from argparse import ArgumentParser
from pathlib import Path

from musegen import Error, plots
from musegen.cli import run_command, run_script
from musegen.data import demo, load
from musegen.eval.papers.yang_lerch import comparisons
from musegen.eval.tables.definition import MeasuringOptions
from musegen.plots import rolls

IMAGES = Path(__file__).parent / "images"


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("songs", nargs="*")
    parser.add_argument("--notes", nargs="+", default=[])
    args = parser.parse_args()
    phrases, song = demo.songs(6, 96, seed=1)
    plots.save(rolls.phrase_grid(phrases[::5][:6]), IMAGES / "phrases.png")
    plots.save(rolls.songs({"demo band, a song": phrases[song == 0][:4]}), IMAGES / "song.png")
    coarse = demo.phrases(8, 48, seed=2)
    plots.save(rolls.midi_s2({"demo band": coarse}), IMAGES / "midi-s2.png")
    try:
        figure = comparisons.picture(load("freedoom"), load("demo"), "mgeval", MeasuringOptions())
        plots.save(figure, IMAGES / "distances.png")
    except Error as error:
        print(error)
    figures = ["musegan", "--figure", "7", "8", "9", "--out", str(IMAGES)]
    run_script("eval", "figures", figures)
    run_command("generate", ["musegan-hybrid", "-n", "3", "-o", str(IMAGES / "hybrid.mid")])
    grid = ["musegan-hybrid", "--grid", "-n", "4", "-o", str(IMAGES / "musegan-grid.png")]
    run_command("interpolate", grid)
    pieces = ["-o", str(IMAGES / "mvae.png"), "-o", str(IMAGES / "mvae.mid")]
    run_command("generate", ["mvae", "-n", "8", "--seed", "1", *pieces])
    if args.notes:
        figure = ["--data", *args.notes, "--out"]
        lines = ["--system", "mvae", "mvae-autoencoder", *figure, str(IMAGES / "mvae-figure-2.png")]
        run_script("eval", "latent", lines)
        map_of = ["--figure", "pca", "--system", "mvae", *figure, str(IMAGES / "mvae-figure-3.png")]
        run_script("eval", "latent", map_of)
    for song in args.songs:
        restored, accompanied = IMAGES / "restored.png", IMAGES / "accompanied.png"
        run_command("restore", [song, "--system", "midi-s2-large", "-o", str(restored)])
        system = "musegan-hybrid-conditional"
        run_command("accompany", [song, "--system", system, "-o", str(accompanied)])


if __name__ == "__main__":
    main()
