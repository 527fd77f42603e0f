"""The settings of MIDI-Sandwich2's networks and of the whole system, without Keras.

Citation and original code: see `musegen.models.midi_sandwich2.bvae`.
"""

from dataclasses import dataclass

STRATEGIES = ("vrae", "concat", "project")  # ways to fuse the tracks
UNITS = ("note", "bar")  # inputs of a refine network
PROJECT_WIDTHS = (128, 128, 64, 64, 32, 32)


@dataclass(frozen=True)
class BVAESettings:
    """The settings of one BVAE.

    Args:
        width: number of units of the encoder's LSTM and of the decoder's first LSTM.
        latent: size of the latent vector.
        noise: standard deviation of the noise that sampling adds, in training and afterwards.
        noise_scale: how the second output s of the encoder scales the noise: `"exp"` by exp(s / 2),
            as the KL term reads s; `"raw"` by s itself, as the original code does.
        gates: activation of the LSTM gates: `"sigmoid"`, or `"hard_sigmoid"` as in Keras 2.
        loss: `"mse"`, the squared error of bars in -1, 1; `"nll"`, their negative log-likelihood as
            in the paper's equation 6; `"bce"`, the same of bars in 0, 1 and a sigmoid output.
        kl_reduction: `"mean"` over the latent numbers or their `"sum"`; over the batch the mean.
        kl_weight: weight of the KL term.
        unit: part of a bar that the networks read at a time: a `"step"`, by LSTMs, or a `"beat"`,
            by dense layers.
    """

    width: int = 128
    latent: int = 64
    noise: float = 0.01
    noise_scale: str = "exp"
    gates: str = "sigmoid"
    loss: str = "mse"
    kl_reduction: str = "mean"
    kl_weight: float = 1.0
    unit: str = "step"

    @property
    def threshold(self) -> float:
        """The value above which a cell of the output is on."""
        return 0.5 if self.loss == "bce" else 0.0


@dataclass(frozen=True)
class MFGVAESettings:
    """The settings of one MFG-VAE.

    Args:
        strategy: how the tracks are fused, one of `STRATEGIES`.
        track_latent: size L of a track's latent vector.
        width: number of units of the recurrent strategy's LSTMs, and of the projection of a track.
        latent: size K of the fused latent vector.
        noise: standard deviation of the noise that sampling adds.
        concat_noise: standard deviation of that noise for the strategy `concat`.
        noise_scale, gates: settings of the same meaning as for the BVAE.
        concat_widths: widths of the dense layers of the strategy `concat`, mirrored to decode.
        concat_end: activation of its last layer.
        projection: first layers of the strategy `project`: `"add"` for a linear layer for each
            track and their sum, `"join"` for one layer with ReLU over the joined tracks, as in the
            original code.
        kl_weight: weight of the KL term.
    """

    strategy: str = "vrae"
    track_latent: int = 64
    width: int = 128
    latent: int = 128
    noise: float = 0.01
    concat_noise: float = 0.01
    noise_scale: str = "exp"
    gates: str = "sigmoid"
    concat_widths: tuple[int, ...] = (2048, 2048, 1024, 1024, 512, 256)
    concat_end: str = "linear"
    projection: str = "add"
    kl_weight: float = 1.0


@dataclass(frozen=True)
class RefineSettings:
    """The settings of one refine network.

    Args:
        widths: widths of the per-note network's hidden layers.
        n_units: number of residual units of the per-bar network.
        filters: filters of the first convolution of a unit; the second has one.
        kernel: steps and pitches of every convolution.
        tail: end of the per-bar network: `"sigmoid"`; or `"relu_hard_sigmoid"`, as in the original
            code, whose output is at least 0.5, so that every cell is on after the threshold.
        bar_loss: loss of the per-bar network: `"bce"`, `"mse"`, or `"column"`, the original's third
            choice, which is the squared error summed over the steps of a bar.
        debiased: whether the moving statistics of the per-bar network are those of Keras 2; see
            `musegen.models.layers.normalization.DebiasedBatchNormalization`.
    """

    widths: tuple[int, ...] = (512, 512, 256, 256)
    n_units: int = 7
    filters: int = 64
    kernel: tuple[int, int] = (3, 12)
    tail: str = "sigmoid"
    bar_loss: str = "bce"
    debiased: bool = False


@dataclass(frozen=True)
class SystemSettings:
    """The settings of all networks and of the system.

    Args:
        bvae, mfg_vae, refine: settings of the networks.
        z_std: standard deviation of the fused latent vector when music is generated.
        z_std_tracks: standard deviation of each track's latent vector when music is generated
            without the MFG-VAE.
        refine_restored: whether a restored song is refined.
        refine_bars: whether generating and restoring can use the per-bar refine network.
        evaluated: number of phrases in each row of Table I.
    """

    bvae: BVAESettings = BVAESettings()
    mfg_vae: MFGVAESettings = MFGVAESettings()
    refine: RefineSettings = RefineSettings()
    z_std: float = 1.0
    z_std_tracks: float = 1.0
    refine_restored: bool = True
    refine_bars: bool = True
    evaluated: int = 1000


PAPER = SystemSettings()
PRESETS = {
    "paper": PAPER,
    "repo": SystemSettings(
        BVAESettings(width=256, latent=256, noise_scale="raw", gates="hard_sigmoid"),
        MFGVAESettings(
            track_latent=256,
            latent=64,
            concat_noise=1.0,
            noise_scale="raw",
            gates="hard_sigmoid",
            concat_end="relu",
            projection="join",
        ),
        RefineSettings(tail="relu_hard_sigmoid", bar_loss="mse", debiased=True),
        z_std=0.01,
        z_std_tracks=0.1,
        refine_restored=False,
        refine_bars=False,
        evaluated=8,
    ),
    "large": SystemSettings(
        BVAESettings(width=256, latent=128, loss="bce", kl_weight=1e-4, unit="beat"),
        MFGVAESettings(
            strategy="concat", track_latent=128, latent=512, concat_widths=(), kl_weight=1e-4
        ),
    ),
}
