"""Seconds until a trained network has served batches of two sizes, ours against Keras's `predict`.

    python bench/prediction.py [--rounds 3]

A song's last bars, and any second number of phrases, make a batch of another size; TensorFlow then
traces a network anew. Each round begins untraced; the best one counts.
"""

import argparse
import logging
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

AT_ONCE = 64
SIZES = (AT_ONCE + 8, AT_ONCE)  # rows: a whole batch and a smaller one, then a whole one


def seconds(predict: Callable, inputs: Any, rounds: int) -> float:
    """The best of several rounds; `predict` gives a function that nothing was traced for."""
    import keras

    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        run = predict()
        for n in SIZES:
            run(keras.tree.map_structure(lambda x: x[:n], inputs))  # noqa: B023 - used at once
        best = min(best, time.perf_counter() - start)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    logging.getLogger("tensorflow").setLevel("ERROR")  # it warns of the tracing that is measured
    import musegen
    from musegen.models.midi_sandwich2 import bvae
    from musegen.models.prediction import predictor

    composer, hybrid = musegen.load("musegan-composer"), musegen.load("musegan-hybrid")
    decoder = bvae.encoder_and_decoder(musegen.load("midi-s2").bvaes["bass"])[1]
    networks = {
        "musegan-composer": (composer.network, composer.draw(SIZES[0], 0)),
        "musegan-hybrid": (hybrid.network, hybrid.draw(SIZES[0], 0)),
        "midi-s2, a decoder": (decoder, np.zeros((SIZES[0], *decoder.input_shape[1:]), "float32")),
    }
    print(f"{'':<20}{'Keras':>8}{'ours':>8}{'ratio':>8}")
    for name, (network, inputs) in networks.items():

        def keras_predict(network=network):
            network.make_predict_function(force=True)
            return lambda x: network.predict(x, AT_ONCE, verbose=0)

        theirs = seconds(keras_predict, inputs, rounds)
        ours = seconds(lambda network=network: predictor(network, AT_ONCE), inputs, rounds)
        print(f"{name:<20}{theirs:>8.2f}{ours:>8.2f}{theirs / ours:>8.1f}")


if __name__ == "__main__":
    main()
