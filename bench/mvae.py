"""Measures training, writing and reading of the melody VAE, each beside an alternative.

    python bench/mvae.py [CORPUS] [--width 128] [--batch 64] [--pieces 8] [--rounds 2]

- `train`: milliseconds of a training step, and their ratio to a PyTorch port with `nn.GRU` layers.
- `write`: notes a second of as many pieces of 100 notes, and how many times those of the slowest
  alternative they are: a Python loop that calls Keras's `predict` for each attribute of each note,
  with the same weights. The other alternative is a loop of `nn.GRUCell` in PyTorch.
- `read`: seconds to read CORPUS, anything that holds MIDI files, into segments, and how many times
  longer a reader based on pretty_midi takes. It is left out without CORPUS.

Every row runs in a process of its own, one after the other, in several rounds; the best counts.
"""

import argparse
import io
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from rows import in_rounds, print_rows, timed

L = 100  # notes of a segment
SIZES = (96, 180, 94)
SECONDS = 900  # time limit of a row
ROWS = {  # name: (part, backend, kind)
    "train, PyTorch port": ("train", "torch", "port"),
    "train, TensorFlow": ("train", "tensorflow", "ours"),
    "train, JAX": ("train", "jax", "ours"),
    "train, JAX, in two threads": ("train", "jax", "threads"),
    "write, loop of predict, TensorFlow": ("write", "tensorflow", "predict"),
    "write, loop of predict, JAX": ("write", "jax", "predict"),
    "write, loop of GRU cells, PyTorch": ("write", "torch", "port"),
    "write, TensorFlow": ("write", "tensorflow", "ours"),
    "write, JAX": ("write", "jax", "ours"),
    "read, pretty_midi": ("read", "tensorflow", "pretty_midi"),
    "read, ours": ("read", "tensorflow", "ours"),
}


def port(width: int):
    """Builds the PyTorch port."""
    import torch
    from torch import nn

    def grus(n_inputs: int):
        return nn.ModuleList(nn.GRU(n_inputs * width, width, batch_first=True) for _ in SIZES)

    class MVAE(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.ModuleList(nn.Embedding(size, width) for size in SIZES)
            self.encode, self.join_gru = grus(1), nn.GRU(3 * width, width, batch_first=True)
            self.join = nn.Linear(4 * width, width)
            self.mean, self.s, self.start = (nn.Linear(width, width) for _ in range(3))
            self.read, self.write = grus(2), grus(2)
            self.context = nn.GRU(3 * width, width, batch_first=True)
            self.logits = nn.ModuleList(nn.Linear(width, size) for size in SIZES)

        def loss(self, notes):
            given = nn.functional.pad(notes, (0, 0, 1, 0))
            embedded = [embed(given[..., i]) for i, embed in enumerate(self.embed)]
            own = [gru(x[:, 1:])[0] for gru, x in zip(self.encode, embedded, strict=True)]
            joined, _ = self.join_gru(torch.cat(own, -1))
            h = self.join(torch.cat([states[:, -1] for states in (*own, joined)], -1))
            mean, s = self.mean(h), self.s(h)
            z = mean + (s / 2).exp() * torch.randn_like(mean)
            start, every = torch.tanh(self.start(z))[None], z[:, None].expand(-1, L + 1, -1)
            states = [
                gru(torch.cat([x, every], -1), start)[0]
                for gru, x in zip(self.read, embedded, strict=True)
            ]
            before, after = [x[:, :-1] for x in states], [x[:, 1:] for x in states]
            steps = [torch.cat([*after[:i], *before[i:]], -1) for i in range(3)]
            known, _ = self.context(torch.stack(steps, 2).flatten(1, 2), start)
            known = known.unflatten(1, (L, 3))
            total = -0.5 * (1 + s - mean.square() - s.exp()).sum(1).mean()
            for i, gru in enumerate(self.write):
                h, _ = gru(torch.cat([known[:, :, i], every[:, 1:]], -1), start)
                logits = self.logits[i](before[i] + h).flatten(0, 1)
                nats = nn.functional.cross_entropy(logits, notes[..., i].flatten(), reduction="sum")
                total = total + nats / len(notes)
            return total

        def step(self, name: str, i: int | None, x, state):
            gru = getattr(self, name) if i is None else getattr(self, name)[i]
            weights = (gru.weight_ih_l0, gru.weight_hh_l0, gru.bias_ih_l0, gru.bias_hh_l0)
            return torch.gru_cell(x, state, *weights)

        @torch.inference_mode()
        def generate(self, z):
            start = torch.tanh(self.start(z))
            read, write, context = [start] * 3, [start] * 3, start
            zero = torch.zeros(len(z), dtype=torch.long)
            embedded = [embed(zero) for embed in self.embed]
            notes = []
            for _ in range(L):
                read = [self.step("read", i, torch.cat([x, z], -1), read[i])
                        for i, x in enumerate(embedded)]  # fmt: skip
                known, note = list(read), []
                for i in range(3):
                    context = self.step("context", None, torch.cat(known, -1), context)
                    write[i] = self.step("write", i, torch.cat([context, z], -1), write[i])
                    note.append(self.logits[i](read[i] + write[i]).argmax(-1))
                    embedded[i] = self.embed[i](note[i])
                    if i < 2:
                        x = torch.cat([embedded[i], z], -1)
                        known[i] = self.step("read", i, x, known[i])
                notes.append(torch.stack(note, -1))
            return torch.stack(notes, 1)

    torch.set_num_threads(os.cpu_count())
    return MVAE()


def train(kind: str, options: argparse.Namespace) -> float:
    """Returns the milliseconds of a training step."""
    n_batches = 4
    shape = (n_batches * options.batch, L, 3)
    notes = np.random.default_rng(0).integers(1, 90, shape).astype("int32")
    if kind == "port":
        import torch

        model = port(options.width)
        optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-4, alpha=0.9)

        def epoch():
            for rows in torch.from_numpy(notes).long().split(options.batch):
                optimizer.zero_grad()
                model.loss(rows).backward()
                optimizer.step()

    else:
        from musegen.models.mvae import mvae
        from musegen.training.split_batch import split_batches

        settings = replace(mvae.PAPER, width=options.width, sizes=SIZES)
        model = mvae.compiled(mvae.mvae(settings), settings)
        if kind == "threads":
            split_batches(model)

        def epoch():
            model.fit(notes, notes, batch_size=options.batch, shuffle=False, verbose=0)

    return 1000 * timed(epoch, 2) / n_batches


def write(kind: str, options: argparse.Namespace) -> float:
    """Returns the notes that are written in a second."""
    n = options.pieces
    z = np.random.default_rng(0).standard_normal((n, options.width), np.float32)
    if kind == "port":
        import torch

        model = port(options.width)
        return n * L / timed(lambda: model.generate(torch.from_numpy(z)), 3)
    import keras

    from musegen.models.mvae import mvae, writer
    from musegen.models.prediction import predictor

    settings = replace(mvae.PAPER, width=options.width, sizes=SIZES)
    network = mvae.mvae(settings)
    if kind == "ours":
        play = predictor(writer.player(network, settings), threads=True)
        inputs = {
            "z": z,
            "temperature": np.zeros(n, np.float32),
            "chance": np.zeros((n, L, 3), np.float32),
            "given": np.full((n, L, 3), -1, np.int32),
        }
        return n * L / timed(lambda: play(inputs), 3)
    given = keras.Input((L + 1, 3), dtype="int32")
    latent = keras.Input((options.width,))
    embedded = network.get_layer("embeddings")(given)
    decoder = keras.Model([given, latent], network.get_layer("decoder")([*embedded, latent]))
    shown = 4  # notes, which is enough to know the time of one
    parts = np.cumsum((0, *SIZES))

    def loop():
        notes = np.zeros((n, L + 1, 3), np.int32)
        for t in range(shown):
            for i in range(3):
                logits = decoder.predict([notes, z], batch_size=n, verbose=0)
                notes[:, t + 1, i] = logits[:, t, parts[i] : parts[i + 1]].argmax(-1)

    return n * shown / timed(loop, 1)


def read(kind: str, options: argparse.Namespace) -> float:
    """Returns the seconds from MIDI files to segments, after a first file that loads libraries."""
    from musegen.data.sources import items

    reader = {"ours": with_musegen, "pretty_midi": with_pretty_midi}[kind]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "first.mid").write_bytes(next(items(options.corpus)).data)
        reader(folder)
    start = time.perf_counter()
    reader(options.corpus)
    return time.perf_counter() - start


def with_musegen(corpus: str) -> None:
    from musegen.data.triple_loading import load_triples
    from musegen.music.tokens import triples

    settings = triples.PRESETS["paper"]
    triples.segments(load_triples(corpus, settings).songs, settings)


def with_pretty_midi(corpus: str) -> None:
    import pretty_midi

    from musegen.data.sources import items
    from musegen.music.tokens import triples

    songs = []
    for item in items(corpus):
        song = pretty_midi.PrettyMIDI(io.BytesIO(item.data))
        unit = song.resolution / triples.PER_QUARTER
        notes = sorted(
            (song.time_to_tick(note.start), note.pitch, song.time_to_tick(note.end))
            for instrument in song.instruments
            for note in instrument.notes
        )
        onset, pitch, end = np.array(notes).T
        times = np.diff(onset, prepend=0), end - onset
        rows = np.stack([*(np.round(time / unit).astype(int) for time in times), pitch], 1)
        songs.append(triples.NoteTriples(item.name, rows))
    triples.segments(songs, triples.PRESETS["paper"])


PARTS = {"train": train, "write": write, "read": read}
UNITS = {"train": "ms/step", "write": "notes/s", "read": "s"}
BEST = {"train": min, "write": max, "read": min}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", nargs="?")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--pieces", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--row", choices=ROWS, help="measure only this, in this process")
    options = parser.parse_args()
    if options.row:
        part, _, kind = ROWS[options.row]
        print(PARTS[part](kind, options))
        return
    sizes = [f"--{name}={getattr(options, name)}" for name in ("width", "batch", "pieces")]
    words = [*sizes, *([options.corpus] if options.corpus else [])]
    rows = {name: row for name, row in ROWS.items() if row[0] != "read" or options.corpus}
    found = in_rounds(__file__, rows, words, options.rounds, SECONDS)
    print(f"width {options.width}, batch {options.batch}, {options.pieces} pieces, "
          f"{os.cpu_count()} cores")  # fmt: skip
    print_rows(found, rows, BEST, UNITS)


if __name__ == "__main__":
    main()
