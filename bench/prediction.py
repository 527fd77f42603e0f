"""Measures the seconds to predict batches of two sizes, with `predictor` and Keras's `predict`.

    python bench/prediction.py [--rounds 3]

The last bars of a song, or another number of phrases, are a batch of another size, for which
TensorFlow traces a network once more. Each round starts without a trace; the best one counts.
"""

import argparse
import logging
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

AT_ONCE = 64
SIZES = (AT_ONCE + 8, AT_ONCE)  # rows: a full batch and a smaller one, then a full one


def seconds(predict: Callable, inputs: Any, rounds: int) -> float:
    """Measures the best of several rounds; `predict` returns a function without a trace."""
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
    logging.getLogger("tensorflow").setLevel("ERROR")  # no warning of the tracing
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
