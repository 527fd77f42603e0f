"""Which phrases of a training are shown, and when."""

import numpy as np
import pytest

from musegen import plots
from musegen.music import midi
from musegen.training.samples import Sampler


def sampler(sounding: list[int], epochs: int = 1) -> Sampler:
    """Of phrases in which so many of four bars sound."""
    phrases = np.zeros((len(sounding), 4, 48, 84, 1), bool)
    for phrase, n in zip(phrases, sounding, strict=True):
        phrase[:n, 0, 30] = True
    return Sampler(None, phrases, epochs, ("bass",))


@pytest.mark.parametrize(
    ("sounding", "chosen"),
    [
        ([4, 0, 4, 0, 3, 1, 4, 0, 4, 2, 4, 0, 1, 4, 4, 0], [0, 4, 8, 14]),  # the fuller half
        ([4] * 12, [0, 1, 3, 5]),  # of equal ones the first half
        ([0, 1, 2, 3, 4], [1, 2, 3, 4]),
        ([0, 4], [0, 1]),
    ],
)
def test_the_fuller_phrases_are_shown_from_all_over_the_data(sounding, chosen):
    draw = sampler(sounding)
    np.testing.assert_array_equal(draw.indices, chosen)
    assert list(draw.original.any(axis=(2, 3, 4)).sum(axis=1)) == [sounding[i] for i in chosen]


def test_some_epochs_are_drawn_and_the_last(monkeypatch):
    draw, drawn, written = sampler([4, 4], epochs=25), [], {}
    draw.run = type("Run", (), {"path": lambda self, *parts: parts[-1]})()
    monkeypatch.setattr(plots, "stacked", lambda panels, titles, *_, **own: (panels, titles))
    monkeypatch.setattr(plots, "save", lambda figure, name: drawn.append((name, *figure)))
    monkeypatch.setattr(midi, "write", lambda music, name, tracks: written.update({name: music}))
    for epoch in range(1, 26):
        draw(epoch, lambda: {"rough": ~draw.original, "fine": draw.original})
    assert [name for name, *_ in drawn] == [f"epoch-{n:04}.png" for n in (*range(2, 25, 2), 25)]
    _, panels, titles = drawn[0]
    assert titles == ["original", "rough", "fine"] * 2
    np.testing.assert_array_equal(panels[::3], draw.original)
    np.testing.assert_array_equal(panels[1::3], ~draw.original)
    for name in ("original.mid", "epoch-0025.mid"):  # the last of the versions
        np.testing.assert_array_equal(written[name], draw.original)
