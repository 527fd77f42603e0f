"""MIDI-Sandwich2: five BVAEs, an MFG-VAE between their encoders and decoders, five refine networks.

Each track's BVAE reads and writes one bar of its track. Between its encoder and decoder the MFG-VAE
reads the means and sigmas of all tracks and writes them again, so that one fused latent vector
represents one bar of all tracks. To generate music the vector is drawn at random. To restore a song
it is computed from the song, whose bars come back more or less changed.

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
    """The whole system. All music is bool phrases `(N, bars, steps, 84, 5)`.

    Args:
        preset: name of the preset, one of `PRESETS`.
        bvaes: BVAEs by track.
        fusion: the MFG-VAE.
        refiners: refine networks by track, all per note or all per bar; or none.
        latents: statistics that `measure` returns, for `z_std="fit"`.

    Example:
        >>> import musegen
        >>> system = musegen.load("midi-s2")
        >>> system.generate(2, seed=1).shape
        (2, 4, 48, 84, 5)
    """

    entry = CATALOGUE["midi-s2"]
    n_bars, tracks, given = N_BARS, TRACKS, None

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
        self._player = cache(self._build_player)  # freed together with the system

    @property
    def can(self) -> Mapping[str, Options]:
        """The methods and options as in the catalogue, without `refine` if it cannot refine."""
        if self.can_refine:
            return self.entry.can
        return {
            verb: tuple(name for name in options if name != "refine")
            for verb, options in self.entry.can.items()
        }

    @property
    def preferred(self) -> dict[str, str]:
        """The options that commands use by default: `"fit"` if there are measured latents."""
        return {"z_std": "fit"} if self.latents else {}

    # Music.

    def generate(
        self,
        n: int,
        seed: int = 0,
        z_std: float | str | None = None,
        refine: bool | None = None,
        fusion: bool = True,
        packed: bool = False,
    ) -> np.ndarray | Packed:
        """Generates phrases, whose bars are drawn independently, as in the paper.

        Args:
            n: number of phrases to generate.
            seed: seed of the random vectors.
            z_std: standard deviation of the latent vector, by default that of the preset; or
                `"fit"` for the mean and covariance of the latent vectors of the training bars.
            refine: whether the refine networks are applied; by default if there are any.
            fusion: whether the MFG-VAE is used. Without it each track's latent vector is drawn
                independently.
            packed: whether the phrases are returned as bits, which saves memory.
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
        if packed:  # possible bar by bar, as the bits of a bar fill whole bytes
            return Packed(self._play(task, inputs, refine, pack).reshape(n, -1), shape)
        return self._play(task, inputs, refine).reshape(n, *shape)

    def restore(
        self, phrases: np.ndarray, seed: int = 0, refine: bool | None = None, fusion: bool = True
    ) -> np.ndarray:
        """Encodes phrases and decodes them again, bar by bar.

        Args:
            phrases: phrases `(N, bars, steps, 84, 5)`.
            seed: seed of the noise.
            refine: whether the refine networks are applied; by default as in the preset.
            fusion: whether the MFG-VAE is used. Without it only the BVAE of each track is.
        """
        bars = self._bars(phrases)
        rng = np.random.default_rng(seed)
        track_noise = self._noise(rng, len(bars))
        refine = self.settings.refine_restored and self.can_refine if refine is None else refine
        if fusion:
            fusion_noise = self._fusion_noise(rng, len(bars))
            cells = self._play("restored", [bars, fusion_noise, track_noise], refine)
        else:
            cells = self._play("tracks_restored", [bars, track_noise], refine)
        return cells.reshape(phrases.shape)

    def encode(self, phrases: np.ndarray) -> np.ndarray:
        """Returns the mean of the fused latent vector of each bar, float32 `(N, bars, K)`."""
        means = self._player("encoded")(self._bars(phrases))
        return means.reshape(*phrases.shape[:2], -1)

    def decode(
        self, z: np.ndarray, seed: int | np.random.Generator = 0, refine: bool | None = None
    ) -> np.ndarray:
        """Decodes fused latent vectors `(N, bars, K)` to phrases; other arguments as `generate`."""
        vectors = np.asarray(z, np.float32).reshape(-1, z.shape[-1])
        noise = self._noise(np.random.default_rng(seed), len(vectors))
        return self._play("decoded", [vectors, noise], refine).reshape(*z.shape[:2], *self._bar)

    def interpolate(
        self, a: np.ndarray, b: np.ndarray, n: int, seed: int = 0, refine: bool | None = None
    ) -> np.ndarray:
        """Decodes `n` points on the straight line from phrase `a` to phrase `b`, both included."""
        start, end = self.encode(np.stack([a, b]))
        share = np.linspace(0, 1, n, dtype=np.float32)[:, None, None]
        return self.decode((1 - share) * start + share * end, seed, refine)

    def evaluate(
        self, data: np.ndarray, n: int, seed: int = 0, z_std: float | str | None = None
    ) -> list[EvaluatedRow]:
        """Makes the music of the paper's Table I: `n` phrases generated, and `data` restored."""
        rows = {"MSG1, without refine": self.generate(n, seed, z_std, refine=False)}
        if self.can_refine:
            rows["MSG2, generator"] = self.generate(n, seed, z_std, refine=True)
        rows["MSR, restore"] = self.restore(data, seed)
        return [EvaluatedRow(name, music) for name, music in rows.items()]

    def measure_latents(self, data: Data) -> dict[str, np.ndarray]:
        """Measures the mean and covariance of the latent vectors of some bars, for `"fit"`.

        Returns:
            For the fused vectors and for those of each track the mean, and the lower Cholesky
            factor of the covariance, by which independent noise is multiplied.
        """
        read = predictor(mfg_vae.reader(self.bvaes, self.settings.bvae))
        latents = np.concatenate([read(block[:, 0]) for block in data.bars.blocks(4096)])
        encoder, _ = bvae.encoder_and_decoder(self.fusion)
        _, fused, _ = predictor(encoder)(latents)
        by_track = latents[..., : self.settings.bvae.latent].swapaxes(0, 1)  # (5, bars, L)
        return {
            "tracks_mean": by_track.mean(axis=1),
            "tracks_factor": np.stack([_factor(means) for means in by_track]),
            "fusion_mean": fused.mean(axis=0),
            "fusion_factor": _factor(fused),
        }

    @property
    def can_refine(self) -> bool:
        """Returns whether there are refine networks that generating and restoring can use."""
        return bool(self.refiners) and (self.settings.refine_bars or self.refine_unit == "note")

    @property
    def refine_unit(self) -> str | None:
        """The input of the refine networks: `"note"` or `"bar"`; None if there are none."""
        if not self.refiners:
            return None
        return "note" if len(self.refiners[TRACKS[0]].input_shape) == 2 else "bar"

    # Files.

    def parts(self) -> dict[str, tuple[keras.Model, str]]:
        """Returns the networks without noise by name, each with its inputs and outputs in words.

        Encoders return mean and sigma. A latent vector is then `mean + exp(sigma / 2) * noise`, or
        with preset `repo` `mean + sigma * noise`.
        """
        low, on = (0, "0.5") if self.settings.bvae.loss == "bce" else (-1, "0")
        networks = {}
        for track, autoencoder in self.bvaes.items():
            encoder, decoder = bvae.noiseless_parts(autoencoder)
            networks[f"bvae-{track}-encoder"] = (
                encoder, f"a bar of the {track}, cells {low} or 1, to mean and sigma"
            )  # fmt: skip
            networks[f"bvae-{track}-decoder"] = (
                decoder, f"a latent vector to a bar of the {track}; a cell is on above {on}"
            )  # fmt: skip
        for track, network in self.refiners.items():
            networks[f"refine-{track}"] = (
                network, f"what the decoder of the {track} gives, by {self.refine_unit}, to the "
                "probability of each cell; on from 0.5",
            )  # fmt: skip
        encoder, decoder = bvae.noiseless_parts(self.fusion)
        networks["mfg-vae-encoder"] = (
            encoder, "means and sigmas of the five tracks, side by side, to mean and sigma"
        )  # fmt: skip
        networks["mfg-vae-decoder"] = (decoder, "a fused latent vector to means and sigmas")
        return networks

    def save(self, folder: str | Path, half: bool = False) -> Path:
        """Writes the system into a folder; `half` writes the weights in half precision."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name, model in self._files().items():
            save_model(model, folder / f"{name}.keras", half)
        if self.latents:
            write_npz(folder / "latents.npz", self.latents)
        description = {"system": self.entry.name, "preset": self.preset, "n_steps": self.n_steps}
        description |= {"refine": self.refine_unit}
        write_bytes(folder / SYSTEM_FILE, (json.dumps(description, indent=2) + "\n").encode())
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> "MidiS2":
        """Reads a system from the folder into which `save` wrote it."""
        folder = Path(folder)
        with described(folder) as description:
            preset, refine = description.get("preset"), description["refine"]
        if preset not in tuple(PRESETS):
            raise Error(f"{folder}: has an unknown preset {preset!r}; fetch or train it again")

        def model(name: str) -> keras.Model:
            return load_model(folder / f"{name}.keras")

        bvaes = {track: model(f"bvae-{track}") for track in TRACKS}
        refiners = {track: model(f"refine-{track}") for track in (TRACKS if refine else ())}
        latents = {}
        if (folder / "latents.npz").exists():
            latents = _latents(folder / "latents.npz", PRESETS[preset])
        return cls(preset, bvaes, model("mfg-vae"), refiners, latents)

    def _files(self) -> dict[str, keras.Model]:
        bvaes = {f"bvae-{track}": model for track, model in self.bvaes.items()}
        refiners = {f"refine-{track}": model for track, model in self.refiners.items()}
        return bvaes | refiners | {"mfg-vae": self.fusion}

    def _check(self) -> None:
        """Raises an `Error` if the networks are of different presets or lengths of bars."""
        mfg_vae.check(self.bvaes, self.settings.bvae)
        wanted = (None, len(TRACKS), 2 * self.settings.bvae.latent)
        if self.fusion.input_shape != wanted:
            raise Error(
                f"MFG-VAE: takes {self.fusion.input_shape[1:]}, the BVAEs give {wanted[1:]}; "
                "it was trained with another preset"
            )

    # One Keras model for each task, from bars or vectors to cells.

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
        """Draws latent vectors, `"fusion"` or those of the `"tracks"`; see `generate`."""
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
        """Computes one task, and applies `keep` to the cells of each batch."""
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
        """Builds the function of one task; the others are not built or compiled."""
        has_loops = self.settings.bvae.unit != "beat"  # over the steps of a bar
        return predictor(self._graph(graph, refine), eager=not has_loops)

    def _graph(self, name: str, refine: bool = False) -> keras.Model:
        """Builds the functional model of one task."""
        latent, n_tracks = self.settings.bvae.latent, len(TRACKS)
        noise = keras.Input((n_tracks, latent), name="noise")  # (B, 5, L)
        if name == "tracks_decoded":  # here the noise is the latent vectors
            return keras.Model(noise, self._cells(noise, refine))
        if name == "decoded":
            z = keras.Input((self.settings.mfg_vae.latent,), name="z")
            return keras.Model([z, noise], self._cells(self._unfused(z, noise), refine))
        bars = keras.Input(self._bar, dtype="bool", name="bars")
        latents = mfg_vae.reader(self.bvaes, self.settings.bvae)(bars)  # (B, 5, 2L)
        if name == "tracks_restored":
            return keras.Model([bars, noise], self._cells(self._sampled(latents, noise), refine))
        encoder, _ = bvae.encoder_and_decoder(self.fusion)
        _, mean, sigma = encoder(latents)
        if name == "encoded":
            return keras.Model(bars, mean)
        fusion_noise = keras.Input((self.settings.mfg_vae.latent,), name="fusion_noise")
        z = sample(mean, sigma, fusion_noise, self.settings.mfg_vae.noise_scale)
        return keras.Model(
            [bars, fusion_noise, noise], self._cells(self._unfused(z, noise), refine)
        )

    def _unfused(self, z, noise):
        """Decodes a fused latent vector and samples the latent vectors of the tracks."""
        return self._sampled(bvae.encoder_and_decoder(self.fusion)[1](z), noise)

    def _sampled(self, latents, noise):
        """Samples the latent vectors of the tracks from their means and sigmas `(B, 5, 2L)`."""
        latent, scale = self.settings.bvae.latent, self.settings.bvae.noise_scale
        return sample(latents[..., :latent], latents[..., latent:], noise, scale)

    def _cells(self, z, refine: bool):
        """Decodes the tracks' latent vectors `(B, 5, L)` to bars of cells, bool `(B, T, 84, 5)`."""
        threshold, written = self.settings.bvae.threshold, []
        for i, track in enumerate(TRACKS):
            bar = bvae.encoder_and_decoder(self.bvaes[track])[1](z[:, i])  # (B, T, 84)
            written.append(self._refined(track, bar) if refine else bar > threshold)
        return ops.stack(written, axis=-1)

    def _refined(self, track: str, bar):
        """Applies the refine network of a track to the output of its BVAE."""
        unit = (N_PITCHES,) if self.refine_unit == "note" else (self.n_steps, N_PITCHES, 1)
        shape = (self.n_steps, N_PITCHES)
        y = self.refiners[track](ops.reshape(bar, (-1, *unit)))
        return ops.reshape(y, (-1, *shape)) >= 0.5


def _latents(path: Path, settings: SystemSettings) -> dict[str, np.ndarray]:
    """Reads the result of `measure` from a file; its shapes must fit the settings."""
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
        latents = {name: arrays.array(name, "f") for name in wanted}
        if not all(np.isfinite(values).all() for values in latents.values()):
            raise ValueError("not a finite number everywhere")
        return latents


def _factor(means: np.ndarray) -> np.ndarray:
    """Returns the lower Cholesky factor of the covariance of vectors `(n, size)`."""
    covariance = np.cov(means.astype(float), rowvar=False)
    # Some latent numbers are constant; without this the matrix would be singular.
    jitter = 1e-6 * np.trace(covariance) / len(covariance) + 1e-12
    return np.linalg.cholesky(covariance + jitter * np.eye(len(covariance))).astype(np.float32)


def load(folder: str | Path) -> MidiS2:
    """Loads a trained system from its folder."""
    return MidiS2.load(folder)


def networks(name: str = "midi-s2", preset: str = "paper", n_steps: int = 48) -> list[keras.Model]:
    """Builds the untrained networks of a preset: BVAEs, per-note refine networks and MFG-VAE."""
    settings = PRESETS[preset]
    return [
        *(bvae.bvae(settings.bvae, n_steps, name=f"bvae-{track}") for track in TRACKS),
        *(refine.per_note(settings.refine, name=f"refine-{track}") for track in TRACKS),
        mfg_vae.mfg_vae(settings.mfg_vae),
    ]


def untrained(preset: str = "paper", n_steps: int = 48) -> MidiS2:
    """Builds a system with random weights."""
    *parts, fusion = networks(preset=preset, n_steps=n_steps)
    bvaes = dict(zip(TRACKS, parts[: len(TRACKS)], strict=True))
    refiners = dict(zip(TRACKS, parts[len(TRACKS) :], strict=True))
    return MidiS2(preset, bvaes, fusion, refiners)
