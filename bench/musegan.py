"""Measures the seconds of an iteration of MuseGAN's training, and of the same in PyTorch.

    python bench/musegan.py [--width 0.125] [--batch 16] [--rounds 2]
    python bench/musegan.py --generate

One iteration is five steps of the critic and one of the generator, for the hybrid model of preset
`paper`. Every row runs in a process of its own, since a process of Keras has one backend. All rows
run one after the other, in several rounds, and the best iteration counts. The PyTorch rows are the
networks of the paper's table 4, of Conv3d, ConvTranspose2d, ConvTranspose1d and BatchNorm, with
autograd.grad for the penalty. "Keras's layers" is the model with the convolutions of `keras.layers`
instead of those of models/layers/convolutions.py. Other running programs slow down every row.

With --generate it measures the seconds to generate 20,000 bars by a hybrid, the number of a row of
the paper's tables 1 and 2, and to compute their metrics.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable

import numpy as np
from rows import in_process

SECONDS = 1200  # time limit of a row
ITERATIONS = 3
CRITIC_STEPS = 5
PENALTY = 10.0
Z_STD = 0.1
LATENT = 32  # size of each latent vector of a hybrid
EAGER = "PyTorch, eager"
ROWS = {  # by name: backend, model, whether it is compiled
    EAGER: ("torch", "port", False),
    "PyTorch, torch.compile": ("torch", "port", True),
    "TensorFlow": ("tensorflow", "ours", False),
    "TensorFlow, XLA": ("tensorflow", "ours", True),
    "JAX": ("jax", "ours", True),
    "Keras on PyTorch": ("torch", "ours", False),
    "TensorFlow, Keras's layers": ("tensorflow", "keras", False),
    "TensorFlow, XLA, Keras's layers": ("tensorflow", "keras", True),
    "JAX, Keras's layers": ("jax", "keras", True),
    "Keras on PyTorch, Keras's layers": ("torch", "keras", False),
}
GENERATING = {"TensorFlow": "tensorflow", "JAX": "jax", "Keras on PyTorch": "torch"}


def music(batch: int) -> np.ndarray:
    """Returns random phrases for each step of the critic."""
    rng = np.random.default_rng(0)
    return rng.random((CRITIC_STEPS, batch, 4, 96, 84, 5), np.float32) < 0.03


# The model of musegen.


def keras_iteration(width: float, batch: int, layers: str, jit: bool) -> Callable[[], object]:
    """Returns a function that does one iteration as train/musegan.py does."""
    from dataclasses import replace

    import keras

    from musegen.models.musegan import critics, generators
    from musegen.models.musegan import settings as musegan_settings
    from musegen.training.gan.wgan_gp import WGANGP, WGANSettings

    if layers == "keras":
        for name in ("Conv2D", "Conv2DTranspose", "Conv3D"):
            for module in (generators, critics):
                setattr(module, name, getattr(keras.layers, name))
    settings = replace(musegan_settings.PRESETS["paper"], width=width)
    kind = musegan_settings.Kind("hybrid")
    optimizers = tuple(keras.optimizers.Adam(1e-3, 0.5, 0.9, epsilon=1e-8) for _ in range(2))
    training = WGANGP(
        generators.generator(settings, kind), critics.critic(settings, kind),
        kind.latents, optimizers,
        WGANSettings(critics.unit(settings, kind), tuple(range(5)), PENALTY, CRITIC_STEPS),
        settings.z_std, jit=jit,
    )  # fmt: skip
    phrases = music(batch)
    return lambda: training.step(phrases)


# The same model in PyTorch.


def torch_networks(width: float):
    """Builds the generator and the critic; channels come second, as usual in PyTorch."""
    import torch
    from torch import nn

    def wide(filters: int) -> int:
        return max(1, round(width * filters))

    def temporal() -> nn.Module:
        n = wide(1024)
        return nn.Sequential(
            nn.ConvTranspose1d(LATENT, n, 2, 2), nn.BatchNorm1d(n), nn.ReLU(),
            nn.ConvTranspose1d(n, LATENT, 3), nn.BatchNorm1d(LATENT), nn.ReLU(),
        )  # fmt: skip

    def bar() -> nn.Module:
        steps, before = [], 4 * LATENT
        shapes = [(1024, (2, 1)), *[(256, (2, 1))] * 4, (128, (3, 1)), (64, (1, 7))]
        for filters, kernel in shapes:
            n = wide(filters)
            steps += [nn.ConvTranspose2d(before, n, kernel, kernel), nn.BatchNorm2d(n), nn.ReLU()]
            before = n
        last = [nn.ConvTranspose2d(before, 1, (1, 12), (1, 12)), nn.BatchNorm2d(1), nn.Tanh()]
        return nn.Sequential(*steps, *last)

    class Generator(nn.Module):
        def __init__(self):
            super().__init__()
            self.shared = temporal()
            self.private = nn.ModuleList(temporal() for _ in range(5))
            self.bars = nn.ModuleList(bar() for _ in range(5))

        def forward(self, z, z_time, z_tracks, z_tracks_time):
            shared = [z[..., None].expand(-1, -1, 4), self.shared(z_time[..., None])]  # (B, 32, 4)
            tracks = []
            for k in range(5):
                constant = z_tracks[:, k, :, None].expand(-1, -1, 4)
                parts = [*shared, constant, self.private[k](z_tracks_time[:, k, :, None])]
                vectors = torch.cat(parts, 1).transpose(1, 2).reshape(-1, 4 * LATENT, 1, 1)
                tracks.append(self.bars[k](vectors).reshape(-1, 1, 4, 96, 84))
            return torch.cat(tracks, 1)  # (B, 5, 4, 96, 84)

    def critic() -> nn.Module:
        shapes = (
            (128, (2, 1, 1), 1), (128, (3, 1, 1), 1), (128, (1, 1, 12), (1, 1, 12)),
            (128, (1, 1, 7), (1, 1, 7)), (128, (1, 2, 1), (1, 2, 1)), (128, (1, 2, 1), (1, 2, 1)),
            (256, (1, 4, 1), (1, 2, 1)), (512, (1, 3, 1), (1, 2, 1)),
        )  # fmt: skip
        steps, before = [], 5
        for filters, kernel, stride in shapes:
            n = wide(filters)
            steps += [nn.Conv3d(before, n, kernel, stride), nn.LeakyReLU(0.2)]
            before = n
        n = wide(1024)
        dense = [nn.Flatten(), nn.Linear(5 * before, n), nn.LeakyReLU(0.2), nn.Linear(n, 1)]
        return nn.Sequential(*steps, *dense)

    return Generator(), critic()


def torch_iteration(width: float, batch: int, compiled: bool) -> Callable[[], object]:
    """Returns a function that does one iteration of the same sizes, losses and optimizers."""
    import torch

    torch.set_num_threads(os.cpu_count())
    generator, critic = torch_networks(width)
    n = sum(weight.numel() for weight in (*generator.parameters(), *critic.parameters()))
    print(f"{n:,} weights", file=sys.stderr)
    adam = {"lr": 1e-3, "betas": (0.5, 0.9), "eps": 1e-8}
    of_generator = torch.optim.Adam(generator.parameters(), **adam)
    of_critic = torch.optim.Adam(critic.parameters(), **adam)
    phrases = torch.from_numpy(music(batch)).permute(0, 1, 5, 2, 3, 4).contiguous()

    def slope(x):
        if compiled:  # compiled code can be differentiated twice only with torch.func
            gradient = torch.func.grad(lambda x: critic(x).sum())(x)
        else:
            (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
        return (1e-8 + gradient.square().sum((1, 2, 3, 4))).sqrt()

    def critic_loss(fake, real, share):
        between = real + share * (fake - real)
        if not compiled:
            between.requires_grad_()
        scores = critic(torch.cat([fake, real]))
        penalty = PENALTY * (slope(between) - 1).square().mean()
        return scores[: len(real)].mean() - scores[len(real) :].mean() + penalty

    def generator_loss(*z):
        return -critic(generator(*z)).mean()

    write = generator
    if compiled:
        critic_loss, generator_loss = map(torch.compile, (critic_loss, generator_loss))
        write = torch.compile(generator)

    def vectors():
        shapes = ((LATENT,), (LATENT,), (5, LATENT), (5, LATENT))
        return [Z_STD * torch.randn(batch, *shape) for shape in shapes]

    def iteration():
        for music in phrases:
            real = 2 * music.float() - 1
            with torch.no_grad():
                fake = write(*vectors())
            loss = critic_loss(fake, real, torch.rand(batch, 1, 1, 1, 1))
            of_critic.zero_grad()
            loss.backward()
            of_critic.step()
        loss = generator_loss(*vectors())
        of_generator.zero_grad()
        loss.backward()
        of_generator.step()
        return loss.item()

    return iteration


# Measuring.


def measure(name: str, width: float, batch: int) -> dict[str, float]:
    """Measures the seconds of the best of several iterations of a row."""
    _, what, compiled = ROWS[name]
    if what == "port":
        iteration = torch_iteration(width, batch, compiled)
    else:
        iteration = keras_iteration(width, batch, what, compiled)
    iteration()  # compiles
    seconds = []
    for _ in range(ITERATIONS):
        start = time.perf_counter()
        iteration()
        seconds.append(time.perf_counter() - start)
    return {"iteration": min(seconds)}


def measure_generating(width: float) -> dict[str, float]:
    """Measures the seconds to generate 20,000 bars by an untrained hybrid, and their metrics."""
    from dataclasses import replace

    from musegen.metrics import muse
    from musegen.models.musegan import generators
    from musegen.models.musegan import settings as musegan_settings
    from musegen.models.musegan import system as musegan_system

    kind = musegan_settings.Kind("hybrid")
    network = generators.generator(replace(musegan_settings.PRESETS["paper"], width=width), kind)
    system = musegan_system.MuseGAN("paper", kind, network)
    system.generate(2 * musegan_system.PHRASES_AT_ONCE)  # compiles
    start = time.perf_counter()
    phrases = system.generate(system.evaluated, 1)
    generated = time.perf_counter()
    muse.evaluate(phrases, "paper")
    return {"generate": generated - start, "measure": time.perf_counter() - generated}


def measured(name: str, options: argparse.Namespace) -> dict[str, float] | str:
    """Measures a row in another process; returns the reason if that fails."""
    backend = GENERATING[name] if options.generate else ROWS[name][0]
    words = ["--row", name, "--width", str(options.width), "--batch", str(options.batch)]
    return in_process(__file__, [*words, *["--generate"] * options.generate], backend, SECONDS)


def best_of(names: list[str], options: argparse.Namespace) -> dict[str, dict[str, float] | str]:
    """Measures all rows in several rounds and returns the best result of each."""
    best: dict[str, dict[str, float] | str] = {}
    for _ in range(options.rounds):
        for name in names:
            result, former = measured(name, options), best.get(name)
            if isinstance(result, dict) and isinstance(former, dict):
                best[name] = {what: min(result[what], former[what]) for what in result}
            elif isinstance(result, dict) or former is None:
                best[name] = result
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=float, default=0.125)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--generate", action="store_true", help="time generating instead")
    parser.add_argument("--row", choices=ROWS | GENERATING, help="measure only this, here")
    options = parser.parse_args()
    if options.row:
        if options.generate:
            result = measure_generating(options.width)
        else:
            result = measure(options.row, options.width, options.batch)
        print(json.dumps(result))
        return
    cores = f"{os.cpu_count()} cores"
    if options.generate:
        print(f"20,000 bars, width {options.width}, {cores}")
        print(f"{'':34} {'generate':>10} {'measure':>10}")
    else:
        print(f"batch {options.batch}, width {options.width}, {cores}")
        print(f"{'':34} {'seconds':>10} {'to PyTorch':>10}")
    best = best_of(list(GENERATING if options.generate else ROWS), options)
    port = best.get(EAGER)
    for name, result in best.items():
        if isinstance(result, str):
            print(f"{name:34} {result}")
        elif options.generate:
            print(f"{name:34} {result['generate']:10.1f} {result['measure']:10.1f}")
        else:
            seconds = result["iteration"]
            known = isinstance(port, dict)
            ratio = f"{seconds / port['iteration']:10.2f}" if known else f"{'-':>10}"
            print(f"{name:34} {seconds:10.2f} {ratio}")


if __name__ == "__main__":
    main()
