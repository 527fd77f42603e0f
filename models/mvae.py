"""MVAE, the modularized variational autoencoder: melodies and whole pieces, note by note.

A note is three attributes: dT, the time since the onset of the note before; T, its duration; P, its
pitch. Each is an index into a dictionary of values, in which 0 stands for no value. A segment of
100 notes is encoded into one latent vector z and written again:

    notes (B, L, 3) -> embeddings, one for each attribute -> three GRUs, and a GRU that reads them
    last states of the four GRUs (B, 4H) -> mean, log variance (B, H) -> z (B, H)
    z, notes before -> three GRUs, a context GRU, three GRUs -> logits (B, L, V_dT + V_T + V_P)

The decoder writes the attributes of a note one after the other. With note unrolling, the context
GRU receives each attribute as soon as it is chosen, so that the duration depends on the time, and
the pitch on both. Without it (`mvae-flat`) the three are chosen from the same context.
`mvae-autoencoder` has unrolling, but a z without noise and without a KL term.

In training the notes before are the true ones. All steps of a GRU are then known at once, and the
decoder is made of ordinary layers over whole sequences. To write new notes, `player` makes a loop.

Wang, Huang, Lin, Su, Chen: "Modeling Melodic Feature Dependency with Modularized Variational
Auto-Encoder", ICASSP 2019. Original code: github.com/MiuLab/MVAE_Music.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import keras
from keras import layers, ops

from musegen.models.layers.gru import GRU
from musegen.models.layers.lstm import jax_on_cpu
from musegen.models.layers.sampling import Sampling
from musegen.models.writing import choose, written
from musegen.training import optimizers

ATTRIBUTES = ("dT", "T", "P")  # in this order everywhere
N_NOTES = 100  # notes of a segment


@dataclass(frozen=True)
class MVAESettings:
    """The settings of one network.

    Args:
        width: H, the number of units of every GRU, and the size of embeddings and of z.
        sizes: sizes of the dictionaries of the three attributes, with index 0.
        latent: what z is: `"gaussian"`, drawn from a mean and a variance; `"plain"`, computed
            without noise; `"none"`, where there is no z and no encoder.
        unrolling: whether the decoder has note unrolling.
        own_cells: whether note unrolling updates the state of an attribute with the GRU of that
            attribute, and not always with the GRU of the duration, as the original code does.
        noise: standard deviation of the noise from which z is drawn.
        kl_reduction: `"sum"` of the KL divergence over the latent numbers, and the mean over the
            batch; or `"batch_sum"`, the sum over both.
        kl_end: weight of the KL term at the end of training.
        zero_written: whether index 0 may be chosen when notes are written.
    """

    width: int = 512
    sizes: tuple[int, int, int] = (96, 180, 94)
    latent: str = "gaussian"
    unrolling: bool = True
    own_cells: bool = True
    noise: float = 1.0
    kl_reduction: str = "sum"
    kl_end: float = 1.0
    zero_written: bool = False


# The sizes are those of Nottingham, JSB Chorales and Piano-midi.de together.
PAPER = MVAESettings()
PRESETS = {
    "paper": PAPER,
    "repo": MVAESettings(
        width=256,
        sizes=(37, 78, 92),
        own_cells=False,
        kl_reduction="batch_sum",
        kl_end=0.01,
        zero_written=True,
    ),
}
VARIANTS = {  # of each system: what it has unlike the preset
    "mvae": {},
    "mvae-flat": {"unrolling": False},
    "mvae-autoencoder": {"latent": "plain"},
}


# Layers. PyTorch's initial values, which are those of the original code.


def uniform(n: int) -> keras.initializers.Initializer:
    """Makes the initializer of one weight; a shared one would give equal weights."""
    return keras.initializers.RandomUniform(-(n**-0.5), n**-0.5)


def gru(units: int, name: str, kind: type = GRU) -> GRU:
    return kind(
        units,
        kernel_initializer=uniform(units),
        recurrent_initializer=uniform(units),
        bias_initializer=uniform(units),
        return_sequences=True,
        name=name,
    )


def dense(units: int, inputs: int, name: str, activation: str = "linear") -> layers.Dense:
    return layers.Dense(
        units,
        activation,
        kernel_initializer=uniform(inputs),
        bias_initializer=uniform(inputs),
        name=name,
    )


def beside(*tensors):
    return ops.concatenate(tensors, axis=-1)


@keras.saving.register_keras_serializable("musegen")
class UnrollingGRU(GRU):
    """The context GRU of note unrolling, which makes three steps for a note.

    It reads the states of the three attributes `before` the note `(B, L, 3H)`, then with the state
    of dT `after` that is chosen, then with the states of dT and T `after` those are chosen
    `(B, L, 2H)`. Its outputs are `(B, L, 3, H)`.
    """

    def build(self, before_shape, after_shape=None, initial_state_shape=None):
        super().build(before_shape)

    def compute_output_shape(self, before_shape, after_shape=None, initial_state_shape=None):
        return (*before_shape[:2], 3, self.units)

    def call(self, before, after, initial_state=None):
        fast = self.is_plain and jax_on_cpu()
        old, new = ops.split(before, 3, axis=-1), ops.split(after, 2, axis=-1)
        if fast:  # multiply each state with its part of the kernel once, not in up to three steps
            kernels = ops.split(self.cell.kernel, 3)
            old, new = (
                [ops.matmul(x, kernel) for x, kernel in zip(states, kernels, strict=False)]
                for states in (old, new)
            )
        join = sum if fast else lambda states: beside(*states)
        steps = ops.stack([join([*new[:i], *old[i:]]) for i in range(3)], axis=2)
        sequence = ops.reshape(steps, (-1, 3 * before.shape[1], steps.shape[-1]))
        h = self.unrolled(sequence, initial_state) if fast else super().call(sequence, initial_state)
        return ops.reshape(h, (-1, before.shape[1], 3, self.units))


# Networks.


def embeddings(settings: MVAESettings, name: str = "embeddings") -> keras.Model:
    """Builds the embeddings, from notes `(B, L, 3)` to three `(B, L, H)`."""
    notes = keras.Input((None, 3), dtype="int32", name="notes")
    embedded = [
        layers.Embedding(
            size,
            settings.width,
            embeddings_initializer=keras.initializers.RandomNormal(0.0, 1.0),
            name=f"embed_{attribute}",
        )(notes[:, :, i])
        for i, (attribute, size) in enumerate(zip(ATTRIBUTES, settings.sizes, strict=True))
    ]
    return keras.Model(notes, embedded, name=name)


def encoder(settings: MVAESettings, n_notes: int, name: str = "encoder") -> keras.Model:
    """Builds the encoder, from three embedded attributes `(B, L, H)` to z `(B, H)`.

    A Gaussian encoder also returns the mean and the logarithm of the variance.
    """
    width = settings.width
    notes = [keras.Input((n_notes, width), name=f"{name}_{a}") for a in ATTRIBUTES]
    read = [gru(width, f"read_{a}")(x) for a, x in zip(ATTRIBUTES, notes, strict=True)]
    context = gru(width, "read_context")(beside(*read))
    h = beside(*(states[:, -1] for states in (*read, context)))  # (B, 4H)
    if settings.latent == "plain":
        narrow = int(1.2 * width)
        h = dense(narrow, 4 * width, "narrow")(h)
        return keras.Model(notes, dense(width, narrow, "z")(h), name=name)
    h = dense(width, 4 * width, "join")(h)
    mean, log_variance = (dense(width, width, part)(h) for part in ("mean", "log_variance"))
    z = Sampling(
        settings.noise,
        kl_reduction=settings.kl_reduction,
        kl_weight=kl_weight(settings, 1),
        name="sampling",
    )([mean, log_variance])
    return keras.Model(notes, [z, mean, log_variance], name=name)


def decoder(settings: MVAESettings, n_notes: int, name: str = "decoder") -> keras.Model:
    """Builds the decoder to train, which is given the true notes.

    It goes from the embedded attributes of L + 1 notes, three `(B, L + 1, H)`, of which the first
    is index 0 and the others are the true notes, and z `(B, H)`, to the logits of the L notes, side
    by side `(B, L, V_dT + V_T + V_P)`.
    """
    width, has_z = settings.width, settings.latent != "none"
    notes = [keras.Input((n_notes + 1, width), name=f"{name}_{a}") for a in ATTRIBUTES]
    z = keras.Input((width,), name="z")
    start = dense(width, width, "start", "tanh")(z) if has_z else None
    given = {"initial_state": start, "constant": z} if has_z else {}

    # The state of each attribute before a note is written, and after its value is chosen.
    # No layer has the name of one of the encoder: PyTorch would take their weights for the same.
    read = [gru(width, f"attribute_{a}") for a in ATTRIBUTES]
    states = [layer(x, **given) for layer, x in zip(read, notes, strict=True)]
    before = [x[:, :-1] for x in states]  # (B, L, H)
    after = [x[:, 1:] for x in states]
    if settings.unrolling and not settings.own_cells:
        after[0] = one_step(read[1], notes[0][:, 1:], before[0], z)

    if settings.unrolling:
        context = gru(width, "context", UnrollingGRU)
        known = context(beside(*before), beside(*after[:2]), initial_state=start)  # (B, L, 3, H)
        contexts = [known[:, :, i] for i in range(3)]
    else:
        contexts = [gru(width, "context")(beside(*before), initial_state=start)] * 3

    logits = []
    for i, attribute in enumerate(ATTRIBUTES):
        h = gru(width, f"write_{attribute}")(contexts[i], **given)
        output = dense(settings.sizes[i], width, f"logits_{attribute}")
        logits.append(output(before[i] + h))
    y = layers.Concatenate(dtype="float32", name="logits")(logits)
    return keras.Model([*notes, z] if has_z else notes, y, name=name)


def one_step(layer: GRU, inputs, states, constant):
    """Applies one step of a GRU to each note, from the state of that note, `(B, L, H)`."""
    n_notes, width = states.shape[1:]
    if constant is not None:
        constant = ops.reshape(ops.repeat(constant[:, None], n_notes, axis=1), (-1, width))
    x = ops.reshape(inputs, (-1, 1, width))  # (BL, 1, H)
    h = layer(x, initial_state=ops.reshape(states, (-1, width)), constant=constant)
    return ops.reshape(h, (-1, n_notes, width))


def mvae(settings: MVAESettings = PAPER, n_notes: int = N_NOTES, name: str = "mvae") -> keras.Model:
    """Builds the whole network, from notes `(B, L, 3)` to their logits.

    Example:
        >>> mvae().count_params()
        27415922
    """
    notes = keras.Input((n_notes, 3), dtype="int32", name="notes")
    given = ops.pad(notes, ((0, 0), (1, 0), (0, 0)))  # index 0 first
    inputs = embeddings(settings)(given)
    if settings.latent != "none":
        z = encoder(settings, n_notes)([x[:, 1:] for x in inputs])
        inputs = [*inputs, z[0] if settings.latent == "gaussian" else z]
    return keras.Model(notes, decoder(settings, n_notes)(inputs), name=name)


def settings_of(name: str, preset: str) -> MVAESettings:
    """Returns the settings of a system, one of `VARIANTS`, in a preset."""
    return replace(PRESETS[preset], **VARIANTS[name])


def networks(name: str, preset: str, n_steps: int) -> list[keras.Model]:
    """Builds the untrained network, which `musegen info` shows."""
    return [mvae(settings_of(name, preset), name=name)]


def reader(network: keras.Model) -> keras.Model:
    """Returns the network from notes `(B, L, 3)` to z without noise, which is the mean `(B, H)`."""
    encoder = network.get_layer("encoder")
    z = encoder.outputs[1] if len(encoder.outputs) > 1 else encoder.outputs[0]
    notes = keras.Input(network.input_shape[1:], dtype="int32", name="notes")
    embedded = network.get_layer("embeddings")(notes)
    without_noise = keras.Model(encoder.inputs, z, name="encoder")
    return keras.Model(notes, without_noise(embedded), name="reader")


# Training.


def by_attribute(logits, sizes: Sequence[int]) -> list:
    """Cuts logits that lie side by side into those of each attribute."""
    first, second, _ = sizes
    return ops.split(logits, [first, first + second], axis=-1)


def cross_entropy(notes, logits, sizes: Sequence[int], attributes: Sequence[str] = ATTRIBUTES):
    """Computes the cross-entropy in nats, summed over notes and attributes, `(B,)`."""
    notes, total = ops.cast(notes, "int32"), 0.0
    for i, own in enumerate(by_attribute(logits, sizes)):
        if ATTRIBUTES[i] in attributes:
            nats = ops.sparse_categorical_crossentropy(notes[:, :, i], own, from_logits=True)
            total = total + ops.sum(nats, axis=1)
    return total


def accuracy(notes, logits, sizes: Sequence[int], attributes: Sequence[str] = ATTRIBUTES):
    """Computes the share of values whose logit is the largest, `(B,)`."""
    notes = ops.cast(notes, "int32")
    shares = [
        ops.mean(ops.cast(ops.equal(notes[:, :, i], ops.argmax(own, axis=-1)), "float32"), axis=1)
        for i, own in enumerate(by_attribute(logits, sizes))
        if ATTRIBUTES[i] in attributes
    ]
    return sum(shares) / len(shares)


def compiled(
    network: keras.Model,
    settings: MVAESettings,
    optimizer: keras.optimizers.Optimizer | None = None,
    jit_compile: bool | str = "auto",
) -> keras.Model:
    """Compiles a network for `fit(notes, notes)`.

    The loss that training logs includes the weighted KL term; the metric `rec` does not.

    Args:
        network: the network.
        settings: settings of the network.
        optimizer: optimizer; by default RMSprop with rate 1e-4.
        jit_compile: whether Keras compiles the training step.
    """

    def rec(notes, logits):
        return cross_entropy(notes, logits, settings.sizes)

    parts = {"": ATTRIBUTES} | {f"_{a}": (a,) for a in ATTRIBUTES}
    metrics = [
        keras.metrics.MeanMetricWrapper(f, f"{name}{part}", sizes=settings.sizes, attributes=own)
        for name, f in (("rec", cross_entropy), ("accuracy", accuracy))
        for part, own in parts.items()
    ]
    network.compile(
        optimizer or optimizers.rmsprop(1e-4, epsilon=1e-8),
        rec,
        metrics=metrics,
        jit_compile=jit_compile,
    )
    return network


def kl_weight(settings: MVAESettings, epoch: float) -> float:
    """Returns the weight of the KL term in an epoch, counted from 1: half of the end at 10."""
    return settings.kl_end / (1 + math.exp(-0.9 * (epoch - 10)))


def weigh_kl(network: keras.Model, weight: float) -> None:
    """Changes the weight of the KL term between two epochs of training."""
    network.get_layer("encoder").get_layer("sampling").present_kl_weight.value.assign(weight)


# Writing of new notes.


def player(network: keras.Model, settings: MVAESettings, n_notes: int = N_NOTES) -> keras.Model:
    """Returns the network that writes new notes `(B, n_notes, 3)`, all of a batch in one loop.

    Its inputs are `z` `(B, H)`, where there is one; `temperature` `(B,)`, where 0 takes the most
    likely value of each attribute; and `chance` `(B, n_notes, 3)`, numbers drawn evenly from 0 to 1
    that choose the values where the temperature is above 0.

    Example:
        >>> network = mvae(replace(PAPER, width=8), n_notes=5)
        >>> z, chance = np.zeros((2, 8)), np.random.default_rng(0).random((2, 7, 3))
        >>> play = player(network, PAPER, n_notes=7)
        >>> play({"z": z, "temperature": np.ones(2), "chance": chance}).shape
    """
    inputs = {
        "temperature": keras.Input((), name="temperature"),
        "chance": keras.Input((n_notes, 3), name="chance"),
    }
    decoder = network.get_layer("decoder")
    if settings.latent != "none":
        inputs["z"] = keras.Input(decoder.input_shape[-1][1:], name="z")
    writer = Writer(settings, network.get_layer("embeddings"), decoder, name="writer")
    return keras.Model(inputs, writer(inputs), name="player")


class Writer(layers.Layer):
    """The loop of a trained decoder over notes, each of which it reads before the next.

    The step is that of the original code; `decoder` above computes the same for given notes.
    """

    def __init__(
        self, settings: MVAESettings, embeddings: keras.Model, decoder: keras.Model, **options
    ):
        super().__init__(dtype="float32", **options)
        self.settings, self.decoder = settings, decoder
        self.embed = [embeddings.get_layer(f"embed_{a}") for a in ATTRIBUTES]

    def compute_output_spec(self, inputs):
        return keras.KerasTensor(inputs["chance"].shape, "int32")

    def call(self, inputs):
        z, temperature, chance = inputs.get("z"), inputs["temperature"], inputs["chance"]
        embedded = [embed(ops.zeros_like(chance[:, 0, 0], "int32")) for embed in self.embed]
        start = ops.zeros_like(embedded[0]) if z is None else self.decoder.get_layer("start")(z)
        state = {"read": [start] * 3, "context": start, "write": [start] * 3, "before": embedded}
        return written(chance, state, lambda *now: self.step(*now, z, temperature))

    def step(self, state: dict, chance, z, temperature):
        """Writes one note; returns the state after it, and its values `(B, 3)`."""
        read = [
            self.cell(f"attribute_{a}", state["before"][i], z, state["read"][i])
            for i, a in enumerate(ATTRIBUTES)
        ]
        chosen, context, unrolling = list(read), state["context"], self.settings.unrolling
        write, before, note = [], [], []
        for i, a in enumerate(ATTRIBUTES):
            if i == 0 or unrolling:
                context = self.cell("context", beside(*chosen), None, context)
            write.append(self.cell(f"write_{a}", context, z, state["write"][i]))
            logits = self.decoder.get_layer(f"logits_{a}")(read[i] + write[i])
            note.append(choose(self.allowed(logits), chance[:, i], temperature))
            before.append(self.embed[i](note[i]))
            if unrolling and i < 2:
                own = a if self.settings.own_cells else "T"
                chosen[i] = self.cell(f"attribute_{own}", before[i], z, chosen[i])
        state = {"read": read, "context": context, "write": write, "before": before}
        return state, ops.stack(note, axis=-1)

    def cell(self, name: str, x, z, state):
        """Applies one step of a GRU of the decoder, to x and, where it is given, z."""
        x = x if z is None else beside(x, ops.cast(z, x.dtype))
        return self.decoder.get_layer(name).cell(x, [state])[0]

    def allowed(self, logits):
        """Returns logits in float32, by which index 0 is not chosen unless it may be."""
        logits = ops.cast(logits, "float32")
        if self.settings.zero_written:
            return logits
        return ops.where(ops.equal(ops.arange(logits.shape[-1]), 0), -float("inf"), logits)
