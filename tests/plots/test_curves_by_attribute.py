"""The curves of a system of notes: loss and accuracy by attribute, and the KL divergence."""

import numpy as np
import pytest

from musegen import plots

ATTRIBUTES = ("dT", "T", "P")


def history(n: int, kl: bool, validates: bool) -> dict[str, list[float]]:
    """Values that differ from column to column, so that each line is known by its values."""
    columns = [f"{name}{end}" for name in ("rec", "accuracy") for end in ("", "_dT", "_T", "_P")]
    columns += ["kl"] if kl else []
    columns += [f"val_{name}" for name in columns] if validates else []
    made = {name: [k / 99 + epoch / 999 for epoch in range(n)] for k, name in enumerate(columns)}
    return made | ({"kl_weight": [0.1 * k for k in range(n)]} if kl else {})


@pytest.mark.parametrize("kl", [False, True])
@pytest.mark.parametrize("validates", [False, True])
def test_every_column_has_its_line(kl, validates):
    values = history(4, kl, validates)
    figure = plots.by_attribute(values, ATTRIBUTES, "own title")
    assert figure._suptitle.get_text() == "own title"
    axes = figure.axes
    assert [own.get_ylabel() for own in axes] == [
        "loss in nats", "accuracy", *(["KL in nats", "weight (dotted)"] if kl else [])
    ]  # fmt: skip
    lines = [line for own in axes for line in own.lines if len(line.get_ydata())]
    drawn = {tuple(np.float64(line.get_ydata())): line.get_linestyle() for line in lines}
    assert len(drawn) == len(lines) == len(values)
    for name, column in values.items():
        style = ":" if name == "kl_weight" else "--" if name.startswith("val_") else "-"
        assert drawn[tuple(column)] == style
    assert lines[0].get_xdata().tolist() == [1, 2, 3, 4]
    legend = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert legend == ["all", *ATTRIBUTES]
    assert axes[1].get_ylim() == (0, 1)


def test_a_single_epoch_is_seen():
    for n, marker in ((1, "."), (2, "")):
        (line, *_), *_ = (
            own.lines for own in plots.by_attribute(history(n, True, True), ATTRIBUTES).axes
        )
        assert line.get_marker() == marker
