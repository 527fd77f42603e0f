"""Which phrases of a training are shown, and when."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from musegen import plots
from musegen.music import midi
from musegen.music.piece import Part, Piece, note_array
from musegen.training.samples import Sampler, draw_pieces, due


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


def test_pieces_are_drawn_and_written_even_if_one_has_no_notes(tmp_path, monkeypatch):
    """Of a long piece the first bars; a bar of silence follows each piece."""
    tune = Piece("tune", 48, note_array(192 * np.arange(40), 48, 60), (Part(),))
    empty = replace(tune, notes=tune.notes[:0], length=0)
    drawn = []
    monkeypatch.setattr(plots, "pieces", drawn.extend)
    monkeypatch.setattr(plots, "save", lambda figure, path: path.write_text("drawn"))
    run = SimpleNamespace(path=lambda *parts: tmp_path.joinpath(*parts[1:]))
    draw_pieces(run, 3, {"data": tune, "generated": empty, "again": tune})
    assert (tmp_path / "epoch-0003.png").exists()
    assert [(piece.name, len(piece)) for piece in drawn] == [("data", 32), ("again", 32)]
    written = midi.read_piece(tmp_path / "epoch-0003.mid")
    assert len(written) == 80
    assert np.diff(written.notes["onset"]).max() == 2 * 192 * written.ticks_per_quarter // 48


def test_samples_are_due_some_times_and_at_the_end():
    assert [epoch for epoch in range(1, 26) if due(epoch, 25)] == [*range(2, 25, 2), 25]
    assert [epoch for epoch in (1, 2, 3) if due(epoch, 3)] == [1, 2, 3]
