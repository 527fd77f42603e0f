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

from collections.abc import Sequence
from dataclasses import replace

import keras
from keras import layers, ops

from musegen.models.layers.gru import GRU, UnrollingGRU
from musegen.models.layers.sampling import Sampling, divergence, sample
from musegen.models.mvae.settings import ATTRIBUTES, N_NOTES, PAPER, MVAESettings, kl_weight
from musegen.training import optimizers

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


def fitted(settings: MVAESettings, network: keras.Model) -> MVAESettings:
    """Returns settings with the width and the sizes that a network has."""
    parts = network.get_layer("embeddings").layers
    tables = [layer for layer in parts if isinstance(layer, layers.Embedding)]
    sizes = tuple(table.input_dim for table in tables)
    return replace(settings, width=tables[0].output_dim, sizes=sizes)


def reader(network: keras.Model) -> keras.Model:
    """Returns the network from notes `(B, L, 3)` to z without noise, which is the mean `(B, H)`."""
    notes = keras.Input(network.input_shape[1:], dtype="int32", name="notes")
    embedded = network.get_layer("embeddings")(notes)
    return keras.Model(notes, read_noiselessly(network, embedded)[0], name="reader")


def read_noiselessly(network: keras.Model, embedded: list) -> list:
    """Returns z without noise; of a Gaussian encoder the mean and the logarithm of the variance."""
    encoder = network.get_layer("encoder")
    outputs = encoder.outputs[1:] or encoder.outputs
    return keras.tree.flatten(keras.Model(encoder.inputs, outputs, name="encoder")(embedded))


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


def scorer(network: keras.Model, settings: MVAESettings) -> keras.Model:
    """Returns the network that measures how well given notes are reconstructed, each `(B,)`.

    Its inputs are `notes` `(B, L, 3)` and, for a Gaussian z, `noise` `(B, H)`. Its outputs are
    `Rec.` and `accuracy` of each attribute, as `"Rec. dT"`, and then also the divergence `KL`.
    """
    notes = keras.Input(network.input_shape[1:], dtype="int32", name="notes")
    inputs, outputs = {"notes": notes}, {}
    embedded = network.get_layer("embeddings")(ops.pad(notes, ((0, 0), (1, 0), (0, 0))))
    if settings.latent != "none":
        z, *variance = read_noiselessly(network, [x[:, 1:] for x in embedded])
        if variance:
            (log_variance,) = variance
            inputs["noise"] = keras.Input((settings.width,), name="noise")
            outputs["KL"] = ops.sum(divergence(z, log_variance), axis=-1)
            z = sample(z, log_variance, settings.noise * inputs["noise"], "exp")
        embedded = [*embedded, z]
    logits = network.get_layer("decoder")(embedded)
    for name, f in (("Rec.", cross_entropy), ("accuracy", accuracy)):
        outputs |= {f"{name} {a}": f(notes, logits, settings.sizes, (a,)) for a in ATTRIBUTES}
    return keras.Model(inputs, outputs, name="scorer")


def totals(parts: dict) -> dict[str, float]:
    """Returns the means of what a scorer gives, and `Rec.` and `accuracy` of all attributes."""
    means = {name: float(values.mean()) for name, values in parts.items()}
    rec, right = (sum(means[f"{name} {a}"] for a in ATTRIBUTES) for name in ("Rec.", "accuracy"))
    return {"Rec.": rec, "accuracy": right / len(ATTRIBUTES)} | means


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


def weigh_kl(network: keras.Model, weight: float) -> None:
    """Changes the weight of the KL term between two epochs of training."""
    network.get_layer("encoder").get_layer("sampling").present_kl_weight.value.assign(weight)
