"""MIDI-Sandwich2: five BVAEs, an MFG-VAE between their encoders and decoders, five refine networks.

Each track's BVAE reads and writes one bar of its track. Between encoders and decoders the MFG-VAE
reads the means and sigmas of all tracks and writes them again, so that one fused latent vector
stands for a whole bar of the band. Drawn at random it generates; taken from a song it restores,
which gives the song back in the manner of what the networks have learned.

    bars (B, T, 84, 5) -> 5 BVAE encoders -> (B, 5, 2L) -> MFG encoder -> z (B, K)
    z (B, K) -> MFG decoder -> (B, 5, 2L) -> sampling -> 5 BVAE decoders -> refine -> bars

Citation and original code: see `musegen.models.midi_sandwich2.bvae`.
"""

import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import keras
import numpy as np
from keras import ops

from musegen import Error, reading
from musegen.data import Data
from musegen.files import write_bytes, write_npz
from musegen.models.catalogue import CATALOGUE
from musegen.models.layers.sampling import sample
from musegen.models.midi_sandwich2 import bvae, mfg_vae, refine
from musegen.models.midi_sandwich2.settings import PRESETS, SystemSettings
from musegen.models.prediction import predictor
from musegen.music.phrases import N_BARS, N_PITCHES, TRACKS, Packed, pack, validate
from musegen.registry import SYSTEM_FILE, described
from musegen.saving import load_model, save_model
from musegen.system import EvaluatedRow, Options


class MidiS2:
    """The composed system. All music is bool phrases `(N, bars, steps, 84, 5)`.

    Args:
        preset: a name of `PRESETS`.
        bvaes: a BVAE for each track.
        fusion: the MFG-VAE.
        refiners: a refine network for each track, all per note or all per bar; or none at all.
        latents: what `measure` gives, for `z_std="fit"`.

    Example:
        >>> import musegen
        >>> system = musegen.load("midi-s2")
        >>> system.generate(2, seed=1).shape
        (2, 4, 48, 84, 5)
    """

    entry = CATALOGUE["midi-s2"]
    n_bars, given = N_BARS, None

    def __init__(
        self,
        preset: str,
        bvaes: Mapping[str, keras.Model],
        fusion: keras.Model,
        refiners: Mapping[str, keras.Model] | None = None,
        latents: Mapping[str, np.ndarray] | None = None,
    ):
        self.preset, self.settings = preset, PRESETS[preset]
        self.bvaes, self.fusion = dict(bvaes), fusion
        self.refiners, self.latents = dict(refiners or {}), dict(latents or {})
        self._check()
        self.n_steps = self.bvaes[TRACKS[0]].input_shape[1]
        self.evaluated = self.settings.evaluated
        self._player = cache(self._build_player)  # of this system, and gone with it

    @property
    def can(self) -> Mapping[str, Options]:
        """What it can do; without refine networks there is no choice about them."""
        if self.can_refine:
            return self.entry.can
        return {
            verb: tuple(name for name in options if name != "refine")
            for verb, options in self.entry.can.items()
        }

    @property
    def preferred(self) -> dict[str, str]:
        """What the commands do unless told otherwise: they draw as the training bars lie."""
        return {"z_std": "fit"} if self.latents else {}

    # What the system does with music.

    def generate(
        self,
        n: int,
        seed: int = 0,
        z_std: float | str | None = None,
        refine: bool | None = None,
        fusion: bool = True,
        packed: bool = False,
    ) -> np.ndarray | Packed:
        """`n` new phrases; their bars are drawn independently, as the paper's.

        Args:
            z_std: standard deviation of the latent vector; by default the preset's; `"fit"` draws
                by the mean and covariance that the vectors of the training bars have.
            refine: whether the refine networks finish the bars; by default if there are any.
            fusion: False draws each track's latent vector by itself, without the MFG-VAE.
            packed: keeps them as bits, for many.
        """
        rng = np.random.default_rng(seed)
        n_bars = n * N_BARS
        if fusion:
            size = (self.settings.mfg_vae.latent,)
            z = self._draw(rng, n_bars, size, "fusion", z_std, self.settings.z_std)
            task, inputs = "decoded", [np.asarray(z, np.float32), self._noise(rng, n_bars)]
        else:
            size = (len(TRACKS), self.settings.bvae.latent)
            z = self._draw(rng, n_bars, size, "tracks", z_std, self.settings.z_std_tracks)
            task, inputs = "tracks_decoded", z
        shape = (N_BARS, *self._bar)
        if packed:  # the bits of a bar fill whole bytes
            return Packed(self._play(task, inputs, refine, pack).reshape(n, -1), shape)
        return self._play(task, inputs, refine).reshape(n, *shape)

    def restore(
        self, phrases: np.ndarray, seed: int = 0, refine: bool | None = None, fusion: bool = True
    ) -> np.ndarray:
        """Phrases read and written again, bar by bar.

        Args:
            refine: whether the refine networks finish the bars; by default as the preset has it.
            fusion: False leaves out the MFG-VAE: each track goes through its own BVAE alone.
        """
        bars = self._bars(phrases)
        rng = np.random.default_rng(seed)
        own = self._noise(rng, len(bars))
        refine = self.settings.refine_restored and self.can_refine if refine is None else refine
        if fusion:
            fused = self._fusion_noise(rng, len(bars))
            cells = self._play("restored", [bars, fused, own], refine)
        else:
            cells = self._play("tracks_restored", [bars, own], refine)
        return cells.reshape(phrases.shape)

    def encode(self, phrases: np.ndarray) -> np.ndarray:
        """The mean of the fused latent vector of each bar, float32 `(N, bars, K)`."""
        means = self._player("encoded")(self._bars(phrases))
        return means.reshape(*phrases.shape[:2], -1)

    def decode(
        self, z: np.ndarray, seed: int | np.random.Generator = 0, refine: bool | None = None
    ) -> np.ndarray:
        """Phrases of fused latent vectors `(N, bars, K)`."""
        flat = np.asarray(z, np.float32).reshape(-1, z.shape[-1])
        own = self._noise(np.random.default_rng(seed), len(flat))
        return self._play("decoded", [flat, own], refine).reshape(*z.shape[:2], *self._bar)

    def interpolate(
        self, a: np.ndarray, b: np.ndarray, n: int, seed: int = 0, refine: bool | None = None
    ) -> np.ndarray:
        """`n` phrases on the straight line from phrase `a` to phrase `b`, both included."""
        start, end = self.encode(np.stack([a, b]))
        share = np.linspace(0, 1, n, dtype=np.float32)[:, None, None]
        return self.decode((1 - share) * start + share * end, seed, refine)

    def evaluate(
        self, data: np.ndarray, n: int, seed: int = 0, z_std: float | str | None = None
    ) -> list[EvaluatedRow]:
        """The rows of the paper's Table I: `n` phrases generated, the given ones restored."""
        rows = {"MSG1, without refine": self.generate(n, seed, z_std, refine=False)}
        if self.can_refine:
            rows["MSG2, generator"] = self.generate(n, seed, z_std, refine=True)
        rows["MSR, restore"] = self.restore(data, seed)
        return [EvaluatedRow(name, music) for name, music in rows.items()]

    def measure(self, data: Data) -> dict[str, np.ndarray]:
        """Mean and covariance of the latent vectors of some bars, by which `"fit"` draws.

        Of each covariance the lower factor is kept, by which independent noise is multiplied.
        """
        read = predictor(mfg_vae.reader(self.bvaes, self.settings.bvae))
        rows = np.concatenate([read(block[:, 0]) for block in data.bars.blocks(4096)])
        encoder, _ = bvae.encoder_and_decoder(self.fusion)
        _, fused, _ = predictor(encoder)(rows)
        by_track = rows[..., : self.settings.bvae.latent].swapaxes(0, 1)  # (5, bars, L)
        return {
            "tracks_mean": by_track.mean(axis=1),
            "tracks_factor": np.stack([_factor(means) for means in by_track]),
            "fusion_mean": fused.mean(axis=0),
            "fusion_factor": _factor(fused),
        }

    @property
    def can_refine(self) -> bool:
        """Whether there are refine networks that generating and restoring can use."""
        return bool(self.refiners) and (self.settings.refine_bars or self.refine_unit == "note")

    @property
    def refine_unit(self) -> str | None:
        """What the refine networks take at a time: `"note"`, `"bar"`, or None without any."""
        if not self.refiners:
            return None
        return "note" if len(self.refiners[TRACKS[0]].input_shape) == 2 else "bar"

    # Files.

    def parts(self) -> dict[str, tuple[keras.Model, str]]:
        """The networks without noise, each with a sentence on what it takes and gives.

        Encoders give mean and sigma; a latent vector is then `mean + exp(sigma / 2) * noise`, and
        in preset `repo` `mean + sigma * noise`.
        """
        low, on = (0, "0.5") if self.settings.bvae.loss == "bce" else (-1, "0")
        found = {}
        for track, autoencoder in self.bvaes.items():
            encoder, decoder = bvae.noiseless_parts(autoencoder)
            found[f"bvae-{track}-encoder"] = (
                encoder, f"a bar of the {track}, cells {low} or 1, to mean and sigma"
            )  # fmt: skip
            found[f"bvae-{track}-decoder"] = (
                decoder, f"a latent vector to a bar of the {track}; a cell is on above {on}"
            )  # fmt: skip
        for track, network in self.refiners.items():
            found[f"refine-{track}"] = (
                network, f"what the decoder of the {track} gives, by {self.refine_unit}, to the "
                "probability of each cell; on from 0.5",
            )  # fmt: skip
        encoder, decoder = bvae.noiseless_parts(self.fusion)
        found["mfg-vae-encoder"] = (
            encoder, "means and sigmas of the five tracks, side by side, to mean and sigma"
        )  # fmt: skip
        found["mfg-vae-decoder"] = (decoder, "a fused latent vector to means and sigmas")
        return found

    def save(self, folder: str | Path, half: bool = False) -> Path:
        """Writes every part into a folder, if wanted in half precision."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name, model in self._files().items():
            save_model(model, folder / f"{name}.keras", half)
        if self.latents:
            write_npz(folder / "latents.npz", self.latents)
        told = {"system": self.entry.name, "preset": self.preset, "n_steps": self.n_steps}
        told |= {"refine": self.refine_unit}
        write_bytes(folder / SYSTEM_FILE, (json.dumps(told, indent=2) + "\n").encode())
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> "MidiS2":
        """Reads what `save` wrote."""
        folder = Path(folder)
        with described(folder) as told:
            preset, refine = told.get("preset"), told["refine"]
        if preset not in tuple(PRESETS):
            raise Error(f"{folder}: of an unknown preset {preset!r}")

        def model(name: str) -> keras.Model:
            return load_model(folder / f"{name}.keras")

        bvaes = {track: model(f"bvae-{track}") for track in TRACKS}
        named = TRACKS if refine else ()
        refiners = {track: model(f"refine-{track}") for track in named}
        latents = {}
        if (folder / "latents.npz").exists():
            latents = _latents(folder / "latents.npz", PRESETS[preset])
        return cls(preset, bvaes, model("mfg-vae"), refiners, latents)

    def _files(self) -> dict[str, keras.Model]:
        bvaes = {f"bvae-{track}": model for track, model in self.bvaes.items()}
        refiners = {f"refine-{track}": model for track, model in self.refiners.items()}
        return bvaes | refiners | {"mfg-vae": self.fusion}

    def _check(self) -> None:
        """Parts of different presets or layouts do not go together."""
        mfg_vae.check(self.bvaes, self.settings.bvae)
        wanted = (None, len(TRACKS), 2 * self.settings.bvae.latent)
        if self.fusion.input_shape != wanted:
            raise Error(
                f"MFG-VAE: takes {self.fusion.input_shape[1:]}, the BVAEs give {wanted[1:]}; "
                "it was trained with another preset"
            )

    # Graphs: bars in, cells out, in one prediction.

    @property
    def _bar(self) -> tuple[int, int, int]:
        return self.n_steps, N_PITCHES, len(TRACKS)

    def _bars(self, phrases: np.ndarray) -> np.ndarray:
        phrases = validate(phrases)
        if phrases.shape[2:] != self._bar:
            raise Error(
                f"bars of {phrases.shape[2:]} steps, pitches and tracks; this system takes "
                f"{self._bar}"
            )
        return phrases.reshape(-1, *self._bar)

    def _draw(self, rng, n: int, size: tuple, what: str, z_std, default: float) -> np.ndarray:
        z = rng.standard_normal((n, *size), np.float32)
        if z_std == "fit":
            if not self.latents:
                raise Error("no measured latents to fit: give z_std a number")
            factor = self.latents[f"{what}_factor"]  # (..., L, L)
            return self.latents[f"{what}_mean"] + (factor @ z[..., None])[..., 0]
        return z * np.float32(default if z_std is None else z_std)

    def _noise(self, rng: np.random.Generator, n: int) -> np.ndarray:
        size = (n, len(TRACKS), self.settings.bvae.latent)
        return rng.standard_normal(size, np.float32) * np.float32(self.settings.bvae.noise)

    def _fusion_noise(self, rng: np.random.Generator, n: int) -> np.ndarray:
        encoder, _ = bvae.encoder_and_decoder(self.fusion)  # its noise depends on the strategy
        size = (n, self.settings.mfg_vae.latent)
        return rng.standard_normal(size, np.float32) * np.float32(
            encoder.get_layer("sampling").noise
        )

    def _play(
        self, graph: str, inputs, refine: bool | None, keep: Callable = np.asarray
    ) -> np.ndarray:
        refine = self.can_refine if refine is None else refine
        if refine and not self.refiners:
            raise Error("this system has no refine networks; train them with train/refine.py")
        if refine and not self.can_refine:
            raise Error(
                f"preset {self.preset}: the per-bar refine networks cannot be used after the "
                "MFG-VAE; train per-note ones, or use the preset paper"
            )
        return self._player(graph, refine)(inputs, keep)

    def _build_player(self, graph: str, refine: bool = False) -> Callable:
        """Does one task; only what is asked for is built and compiled."""
        dense = self.settings.bvae.unit == "beat"  # the others loop over steps
        return predictor(self._graph(graph, refine), eager=dense)

    def _graph(self, name: str, refine: bool = False) -> keras.Model:
        """The functional model of one task."""
        latent, n_tracks = self.settings.bvae.latent, len(TRACKS)
        own = keras.Input((n_tracks, latent), name="noise")  # (B, 5, L)
        if name == "tracks_decoded":
            return keras.Model(own, self._cells(own, refine))
        if name == "decoded":
            z = keras.Input((self.settings.mfg_vae.latent,), name="z")
            return keras.Model([z, own], self._cells(self._unfused(z, own), refine))
        bars = keras.Input(self._bar, dtype="bool", name="bars")
        rows = mfg_vae.reader(self.bvaes, self.settings.bvae)(bars)  # (B, 5, 2L)
        if name == "tracks_restored":
            return keras.Model([bars, own], self._cells(self._sampled(rows, own), refine))
        encoder, _ = bvae.encoder_and_decoder(self.fusion)
        _, mean, sigma = encoder(rows)
        if name == "encoded":
            return keras.Model(bars, mean)
        fused = keras.Input((self.settings.mfg_vae.latent,), name="fusion_noise")
        z = sample(mean, sigma, fused, self.settings.mfg_vae.noise_scale)
        return keras.Model([bars, fused, own], self._cells(self._unfused(z, own), refine))

    def _unfused(self, z, own):
        """The tracks' latent vectors of a fused one: sampling comes after the MFG-VAE."""
        return self._sampled(bvae.encoder_and_decoder(self.fusion)[1](z), own)

    def _sampled(self, rows, own):
        latent = self.settings.bvae.latent
        return sample(rows[..., :latent], rows[..., latent:], own, self.settings.bvae.noise_scale)

    def _cells(self, z, refine: bool):
        """Latent vectors `(B, 5, L)` to bars of cells, bool `(B, T, 84, 5)`."""
        threshold, written = self.settings.bvae.threshold, []
        for i, track in enumerate(TRACKS):
            bar = bvae.encoder_and_decoder(self.bvaes[track])[1](z[:, i])  # (B, T, 84)
            written.append(self._refined(track, bar) if refine else bar > threshold)
        return ops.stack(written, axis=-1)

    def _refined(self, track: str, bar):
        unit = (N_PITCHES,) if self.refine_unit == "note" else (self.n_steps, N_PITCHES, 1)
        shape = (self.n_steps, N_PITCHES)
        y = self.refiners[track](ops.reshape(bar, (-1, *unit)))
        return ops.reshape(y, (-1, *shape)) >= 0.5


def _latents(path: Path, settings: SystemSettings) -> dict[str, np.ndarray]:
    """What `measure` has found, of the shapes that these settings ask for."""
    track, fused = settings.bvae.latent, settings.mfg_vae.latent
    wanted = {
        "tracks_mean": (len(TRACKS), track), "tracks_factor": (len(TRACKS), track, track),
        "fusion_mean": (fused,), "fusion_factor": (fused, fused),
    }  # fmt: skip
    remedy = "fetch or train the system again"
    with reading.damaged(path, "damaged", remedy), reading.arrays(path) as arrays:
        for name, shape in wanted.items():
            if arrays.header(name)[0] != shape:
                raise ValueError(f"{name} of shape {arrays.header(name)[0]}, not {shape}")
        found = {name: arrays.array(name, "f") for name in wanted}
        if not all(np.isfinite(values).all() for values in found.values()):
            raise ValueError("not a finite number everywhere")
        return found


def _factor(means: np.ndarray) -> np.ndarray:
    """The lower Cholesky factor of the covariance of vectors `(n, size)`."""
    covariance = np.cov(means.astype(float), rowvar=False)
    jitter = 1e-6 * np.trace(covariance) / len(covariance) + 1e-12  # some numbers never move
    return np.linalg.cholesky(covariance + jitter * np.eye(len(covariance))).astype(np.float32)


def load(folder: str | Path) -> MidiS2:
    """A trained system."""
    return MidiS2.load(folder)


def networks(name: str = "midi-s2", preset: str = "paper", n_steps: int = 48) -> list[keras.Model]:
    """Untrained networks of one preset: the five BVAEs, five per-note refine nets, the MFG-VAE."""
    settings = PRESETS[preset]
    return [
        *(bvae.bvae(settings.bvae, n_steps, name=f"bvae-{track}") for track in TRACKS),
        *(refine.per_note(settings.refine, name=f"refine-{track}") for track in TRACKS),
        mfg_vae.mfg_vae(settings.mfg_vae),
    ]


def untrained(preset: str = "paper", n_steps: int = 48) -> MidiS2:
    """A whole system with random weights."""
    *parts, fusion = networks(preset=preset, n_steps=n_steps)
    bvaes = dict(zip(TRACKS, parts[: len(TRACKS)], strict=True))
    refiners = dict(zip(TRACKS, parts[len(TRACKS) :], strict=True))
    return MidiS2(preset, bvaes, fusion, refiners)
