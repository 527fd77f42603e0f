"""Measures the milliseconds of a training step of the BVAE, and of a PyTorch port of it.

    python bench/bvae.py [--steps 48] [--batch 32] [--rounds 3]

Every row runs in a process of its own, since a process of Keras has one backend. All rows run one
after the other, in several rounds, and the best epoch counts. `Keras LSTM` is the model with
`keras.layers.LSTM` and RepeatVector; the last row is what train/bvae.py does on JAX. The loss is
computed, metrics are not. Other running programs slow down every row, those of PyTorch most.
"""

import argparse
import os
import time

import numpy as np
from rows import in_process

BATCHES = 40
SECONDS = 300  # time limit of a row
ROWS = {  # name: (backend, LSTM, jit_compile, in two threads)
    "PyTorch port": ("torch", "torch", False, False),
    "TensorFlow, Keras LSTM": ("tensorflow", "keras", False, False),
    "TensorFlow, Keras LSTM, XLA": ("tensorflow", "keras", True, False),
    "TensorFlow, ours": ("tensorflow", "ours", False, False),
    "TensorFlow, ours, XLA": ("tensorflow", "ours", True, False),
    "JAX, Keras LSTM": ("jax", "keras", True, False),
    "JAX, ours": ("jax", "ours", True, False),
    "JAX, ours, in two threads": ("jax", "ours", True, True),
}


def bars(n_steps: int, batch: int) -> np.ndarray:
    """Returns random bars, -1 or 1."""
    cells = np.random.default_rng(0).random((batch * BATCHES, n_steps, 84)) < 0.03
    return 2 * cells.astype("float32") - 1


def torch_epoch(x: np.ndarray, batch: int):
    """Returns a function that trains the PyTorch port for one epoch."""
    import torch
    from torch import nn

    class BVAE(nn.Module):
        def __init__(self, width: int = 128, latent: int = 64, pitches: int = 84):
            super().__init__()
            self.read = nn.LSTM(pitches, width, batch_first=True)
            self.mean, self.sigma = nn.Linear(width, latent), nn.Linear(width, latent)
            self.unfold = nn.LSTM(latent, width, batch_first=True)
            self.write = nn.LSTM(width, pitches, batch_first=True)

        def forward(self, x):
            h = self.read(x)[1][0][0]
            mean, s = self.mean(h), self.sigma(h)
            kl = -0.5 * (1 + s - mean.square() - s.exp())
            z = mean + (s / 2).exp() * 0.01 * torch.randn_like(mean)
            y = self.write(self.unfold(z[:, None].expand(-1, x.shape[1], -1))[0])[0]
            return y, kl.mean()

    torch.set_num_threads(os.cpu_count())
    x, model = torch.from_numpy(x), BVAE()
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3, alpha=0.9, eps=1e-7)

    def epoch():
        for bars in x.split(batch):
            y, kl = model(bars)
            optimizer.zero_grad()
            (nn.functional.mse_loss(y, bars) + kl).backward()
            optimizer.step()

    return epoch


def keras_epoch(x: np.ndarray, batch: int, lstm: str, jit: bool, two_threads: bool):
    """Returns a function that trains the BVAE for one epoch with Keras's `fit`."""
    import keras

    from musegen.models.midi_sandwich2 import bvae
    from musegen.models.midi_sandwich2.settings import BVAESettings
    from musegen.training.split_batch import split_batches

    if lstm == "keras":
        bvae.LSTM = keras_lstm
    settings = BVAESettings()
    model = bvae.bvae(settings, n_steps=x.shape[1])
    model.compile(keras.optimizers.RMSprop(1e-3, epsilon=1e-7), "mse", jit_compile=jit)
    if two_threads:
        split_batches(model)
    return lambda: model.fit(x, x, batch_size=batch, shuffle=False, verbose=0)


def keras_lstm(units: int, n_steps: int | None = None, **options):
    """Makes Keras's own LSTM with the arguments of that of musegen."""
    from keras import layers

    lstm = layers.LSTM(units, **options)
    if n_steps is None:
        return lstm
    return lambda z: lstm(layers.RepeatVector(n_steps)(z))


def measure(name: str, n_steps: int, batch: int) -> float:
    """Measures the milliseconds of a step of one row, in the best of five epochs."""
    _, lstm, jit, two_threads = ROWS[name]
    x = bars(n_steps, batch)
    if lstm == "torch":
        epoch = torch_epoch(x, batch)
    else:
        epoch = keras_epoch(x, batch, lstm, jit, two_threads)
    epoch()  # compiles
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        epoch()
        seconds.append(time.perf_counter() - start)
    return 1000 * min(seconds) / BATCHES


def measured(name: str, options: argparse.Namespace) -> float | str:
    """Measures a row in another process; returns the reason if that fails."""
    words = ["--row", name, "--steps", str(options.steps), "--batch", str(options.batch)]
    return in_process(__file__, words, ROWS[name][0], SECONDS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=48)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--row", choices=ROWS, help="measure only this, in this process")
    options = parser.parse_args()
    if options.row:
        print(measure(options.row, options.steps, options.batch))
        return
    best: dict[str, float | str] = {}
    for _ in range(options.rounds):
        for name in ROWS:
            result = measured(name, options)
            if isinstance(result, float):
                former = best.get(name)
                best[name] = min(result, former) if isinstance(former, float) else result
            else:
                best.setdefault(name, result)
    print(f"batch {options.batch}, {options.steps} steps, {os.cpu_count()} cores")
    print(f"{'':28} {'ms/step':>8} {'to PyTorch':>11}")
    port = best["PyTorch port"]
    for name, result in best.items():
        if isinstance(result, str):
            print(f"{name:28} {result}")
            continue
        ratio = f"{result / port:11.2f}" if isinstance(port, float) else f"{'-':>11}"
        print(f"{name:28} {result:8.1f} {ratio}")


if __name__ == "__main__":
    main()
