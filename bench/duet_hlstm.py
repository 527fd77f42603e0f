"""Measures training and generation of DuetHLSTM, each beside an alternative.

    python bench/duet_hlstm.py [--batch 1000] [--phrases 1000] [--rounds 2]

- `train`: milliseconds of a training step on a batch of windows, with the preset paper, and their
  ratio to a PyTorch port with `nn.LSTM` layers, which computes no metrics.
- `generate`: phrases of 32 steps a second, with the preset repo, and how many times those of the
  slowest alternative they are: a loop that calls Keras's `predict` for each step of each phrase. It
  is measured on a few phrases, as all phrases would take the same time each. The other alternative
  calls `predict` once a step for all phrases, and is measured on a few steps.

Every row runs in a process of its own, one after the other, in several rounds; the best counts.
"""

import argparse
import os

import numpy as np
from rows import in_rounds, print_rows, timed

N_NEW = 28  # steps of a phrase that follow the four it begins with
SHOWN_PHRASES, SHOWN_STEPS = 2, 4  # of the loops of predict
N_BATCHES = 8
SECONDS = 900  # time limit of a row
ROWS = {  # name: (part, backend, kind)
    "train, PyTorch port": ("train", "torch", "port"),
    "train, TensorFlow": ("train", "tensorflow", "ours"),
    "train, JAX": ("train", "jax", "ours"),
    "train, JAX, in two threads": ("train", "jax", "threads"),
    "generate, predict for each phrase, TensorFlow": ("generate", "tensorflow", "phrases"),
    "generate, predict for each phrase, JAX": ("generate", "jax", "phrases"),
    "generate, predict for all phrases, TensorFlow": ("generate", "tensorflow", "steps"),
    "generate, predict for all phrases, JAX": ("generate", "jax", "steps"),
    "generate, TensorFlow": ("generate", "tensorflow", "ours"),
    "generate, JAX": ("generate", "jax", "ours"),
}


def cells(n: int, n_steps: int) -> np.ndarray:
    """Returns steps with some notes, `(n, n_steps, 2, 84)`."""
    return (np.random.default_rng(0).random((n, n_steps, 2, 84)) < 0.03).astype("float32")


def port():
    """Builds the PyTorch port."""
    import torch
    from torch import nn

    class Duet(nn.Module):
        def __init__(self):
            super().__init__()
            self.melody1, self.accomp1 = (nn.LSTM(84, 84, batch_first=True) for _ in range(2))
            self.melody2 = nn.LSTM(84, 32, batch_first=True)
            self.accomp2 = nn.LSTM(168, 32, batch_first=True)
            self.heads = nn.ModuleList(nn.Linear(32, 84) for _ in range(2))

        def forward(self, melody, accomp):
            u0, _ = self.melody1(melody)
            u1, _ = self.accomp1(u0)
            v0 = self.melody2(u0)[0][:, -1]
            v1 = self.accomp2(torch.cat([u1, accomp], -1))[0][:, -1]
            outputs = [head(v).softmax(-1) for head, v in zip(self.heads, (v0, v1), strict=True)]
            return torch.cat(outputs, -1)

    torch.set_num_threads(os.cpu_count())
    return Duet()


def train(kind: str, options: argparse.Namespace) -> float:
    """Returns the milliseconds of a training step."""
    windows = cells(N_BATCHES * options.batch, 5)
    melody, accomp = (np.ascontiguousarray(windows[:, :4, k]) for k in range(2))
    y = windows[:, 4].reshape(-1, 168)
    if kind == "port":
        import torch

        model = port()
        optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7)
        tensors = [torch.from_numpy(x).split(options.batch) for x in (melody, accomp, y)]

        def epoch():
            for a, b, true in zip(*tensors, strict=True):
                optimizer.zero_grad()
                loss = torch.nn.functional.binary_cross_entropy(model(a, b), true)
                loss.backward()
                optimizer.step()

    else:
        import keras

        from musegen.models.duet_hlstm.duet_hlstm import PAPER, compiled, duet_hlstm
        from musegen.training.split_batch import split_batches

        model = compiled(duet_hlstm(), PAPER, keras.optimizers.Adam(1e-3))
        if kind == "threads":
            split_batches(model)

        def epoch():
            model.fit([melody, accomp], y, batch_size=options.batch, shuffle=False, verbose=0)

    return 1000 * timed(epoch, 3) / N_BATCHES


def generate(kind: str, options: argparse.Namespace) -> float:
    """Returns the phrases that are generated in a second."""
    from musegen.models.duet_hlstm.continuation import continuer
    from musegen.models.duet_hlstm.duet_hlstm import PRESETS, duet_hlstm
    from musegen.models.prediction import predictor

    settings, n = PRESETS["repo"], options.phrases
    network, begin = duet_hlstm(settings), cells(n, 4)
    if kind == "ours":
        play = predictor(continuer(network, settings, N_NEW), n)
        return n / timed(lambda: play({"window": begin}), 3)

    def loop(window: np.ndarray, n_steps: int) -> None:
        for _ in range(n_steps):
            given = [window[:, :, k] for k in range(2)]
            p = network.predict(given, batch_size=len(window), verbose=0)
            window = np.concatenate([window[:, 1:], p.reshape(-1, 1, 2, 84)], axis=1)

    if kind == "phrases":
        return 1 / timed(lambda: loop(begin[:1], N_NEW), SHOWN_PHRASES)
    return n * SHOWN_STEPS / N_NEW / timed(lambda: loop(begin, SHOWN_STEPS), 1)


PARTS = {"train": train, "generate": generate}
UNITS = {"train": "ms/step", "generate": "phrases/s"}
BEST = {"train": min, "generate": max}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=1000)
    parser.add_argument("--phrases", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--row", choices=ROWS, help="measure only this, in this process")
    options = parser.parse_args()
    if options.row:
        part, _, kind = ROWS[options.row]
        print(PARTS[part](kind, options))
        return
    sizes = [f"--{name}={getattr(options, name)}" for name in ("batch", "phrases")]
    found = in_rounds(__file__, ROWS, sizes, options.rounds, SECONDS)
    print(f"batch {options.batch}, {options.phrases} phrases, {os.cpu_count()} cores")
    print_rows(found, ROWS, BEST, UNITS)


if __name__ == "__main__":
    main()
