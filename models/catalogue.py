"""The table of all systems. It needs no Keras, so that `--help` and searches are fast."""

from musegen.models.bachprop import settings as bachprop
from musegen.models.duet_hlstm import settings as duet_hlstm
from musegen.models.midi_sandwich2 import settings as midi_sandwich2
from musegen.models.musegan import settings as musegan
from musegen.models.mvae import settings as mvae
from musegen.system import Entry


def _midi_sandwich2(name: str, file: str, summary: str, **facts) -> Entry:
    """Makes the entry of MIDI-Sandwich2 or of one of its networks."""
    return Entry(
        name,
        f"MIDI-Sandwich2: {summary}",
        f"musegen.models.midi_sandwich2.{file}",
        tuple(midi_sandwich2.PRESETS),
        **facts,
    )


def _musegan(name: str, kind: musegan.Kind) -> Entry:
    """Makes the entry of one of MuseGAN's systems; the conditional ones can only accompany."""
    if kind.given:
        can = {"accompany": ("seed", "z_std", "binarisation")}
    else:
        can = {
            "generate": ("seed", "z_std", "binarisation", "packed"),
            "interpolate_seeds": ("way", "z_std", "binarisation"),
        }
        if len(kind.latents) > 1:  # the two directions of a grid are two kinds of random vectors
            can["grid"] = ("reach", "binarisation")
    ablated = " without batch normalization" if name == musegan.ABLATED else ""
    return Entry(
        name,
        f"MuseGAN, {kind.model}{ablated}: {kind.summary}",
        "musegen.models.musegan.system",
        kind.presets,
        can=can | {"parts": (), "evaluate": ("z_std",)},
        n_steps=musegan.N_STEPS,
    )


def _mvae(name: str, summary: str) -> Entry:
    """Makes the entry of the melody VAE or of one of its variants."""
    drawn = ("seed", "temperature")
    return Entry(
        name,
        f"melody VAE: {summary}",
        "musegen.models.mvae.system",
        tuple(mvae.PRESETS),
        music="notes",
        can={
            "generate": (*drawn, "length"),
            "restore": drawn,
            "interpolate": drawn,
            "encode": (),
            "measure": (),
            "evaluate": drawn,
        },
    )


SYSTEMS = (
    _midi_sandwich2("bvae", "bvae", "binary VAE of one bar of one track"),
    _midi_sandwich2("refine-note", "refine", "refine network, step by step"),
    _midi_sandwich2("refine-bar", "refine", "refine network, bar by bar"),
    _midi_sandwich2("mfg-vae-concat", "mfg_vae", "fusion of the tracks' latents, concat"),
    _midi_sandwich2("mfg-vae-project", "mfg_vae", "fusion of the tracks' latents, project"),
    _midi_sandwich2("mfg-vae", "mfg_vae", "fusion of the tracks' latents, as in the preset"),
    _midi_sandwich2(
        "midi-s2",
        "system",
        "generates and restores five tracks",
        can={
            "generate": ("seed", "z_std", "refine", "fusion", "packed"),
            "restore": ("seed", "refine", "fusion"),
            "interpolate": ("seed", "refine"),
            "parts": (),
            "evaluate": ("z_std",),
        },
    ),
    *(_musegan(name, kind) for name, kind in musegan.KINDS.items()),
    _mvae("mvae", "pieces note by note, with note unrolling"),
    _mvae("mvae-flat", "the same without note unrolling"),
    _mvae("mvae-autoencoder", "the same as a plain autoencoder"),
    Entry(
        "bachprop",
        "BachProp: pieces note by note, without a latent vector",
        "musegen.models.bachprop.system",
        tuple(bachprop.PRESETS),
        music="notes",
        can={
            "generate": ("seed", "temperature", "length"),
            "extend": ("seed", "temperature"),
            "measure": (),
            "evaluate": ("seed", "temperature"),
        },
    ),
    Entry(
        "duet-hlstm",
        "DuetHLSTM: two tracks, the next step from the last four",
        "musegen.models.duet_hlstm.system",
        tuple(duet_hlstm.PRESETS),
        can={
            "generate": ("seed", "n_bars", "decode", "temperature", "seeds_from"),
            "extend": ("seed", "melody", "accompaniment", "decode", "temperature"),
            "parts": (),
            "evaluate": (),
        },
        n_steps=duet_hlstm.N_STEPS,
    ),
)
CATALOGUE = {entry.name: entry for entry in SYSTEMS}
