"""What an adversarial training draws; the script's test sees the files."""

import numpy as np

from musegen.metrics.muse import DEFINITIONS
from musegen.music.phrases import TRACKS
from musegen.training.gan.pictures import images


def test_chroma_reaches_from_black_to_its_colour_in_each_phrase():
    """However many pitches of a class sound; the bass is red, and silence stays black."""
    cells = np.zeros((3, 1, 4, 84, 5), bool)
    bass = TRACKS.index("bass")
    cells[0, 0, 1, 0:7, bass] = True  # a whole block of the original's
    cells[1, 0, 2, 7, bass] = True
    made = images(2.0 * cells - 1, cells, DEFINITIONS["v1"].chroma)
    assert made["chroma"].shape == (12, 8 * 4 + 7 * 3, 3)
    full, single, silent = (made["chroma"][:, k : k + 4] for k in (0, 7, 14))
    assert full[-1, 1].tolist() == single[-2, 2].tolist() == [255, 0, 0]
    assert (full.sum(), single.sum(), silent.sum()) == (255, 255, 0)
    true = images(2.0 * cells - 1, cells, DEFINITIONS["paper"].chroma)["chroma"]
    assert (true[:, 1] == 255).sum() == 7  # of octaves they are seven classes
