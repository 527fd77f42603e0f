"""What a training of DuetHLSTM shows: generated phrases, and their figures after each epoch."""

import csv
from collections.abc import Mapping

import numpy as np

from musegen.metrics import duet_claims
from musegen.models.duet_hlstm.continuation import continuer
from musegen.models.duet_hlstm.duet_options import Training
from musegen.models.duet_hlstm.step_windows import StepTable, as_phrases, as_steps, phrase_order
from musegen.models.duet_hlstm.system import DuetHLSTM, player_inputs
from musegen.models.prediction import predictor
from musegen.training.runs import Run
from musegen.training.samples import Sampler

GENERATED = "generated.csv"


class Samples:
    """Generates phrases after each epoch from the first half bars of others.

    The preset `repo` begins with phrases of the training, in the order of the epoch, as the
    original code does; others always begin with the same phrases.

    Args:
        system: the system that is trained.
        table: phrases with which the samples begin.
        options: options of the training.
        run: run whose folder receives pictures, MIDI and `generated.csv`.

    Attributes:
        state: state of the first LSTMs after the last generation, `(n, tracks, 2, 84)`.
    """

    def __init__(self, system: DuetHLSTM, table: StepTable, options: Training, run: Run):
        self.system, self.table, self.options, self.run = system, table, options, run
        self.n = min(options.samples, len(table))
        self.state: np.ndarray | None = None
        n_new = table.n_steps - system.settings.window
        self.player = predictor(continuer(system.network, system.settings, n_new), self.n)
        shown = as_phrases(table.steps(slice(0, 1000)))
        self.draw = Sampler(run, shown, options.epochs, system.tracks)

    def __call__(self, epoch: int) -> None:
        phrases = np.arange(self.n)
        if self.system.settings.by_phrases:
            phrases = phrase_order(len(self.table), self.options.seed, epoch - 1)[: self.n]
        made, self.state = self.continued(self.table.steps(phrases))
        self.write_figures(epoch, made)
        self.draw(epoch, lambda: {"generated": self.continued_phrases(self.draw.original)})

    def continued(self, steps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Continues the beginnings of phrases; returns all steps, and the state at the end."""
        settings = self.system.settings
        begin = steps[:, : settings.window]
        n_new, rng = steps.shape[1] - settings.window, np.random.default_rng(self.options.seed)
        made = self.player(player_inputs(begin, n_new, settings.decode, rng))
        return np.concatenate([begin, made["cells"] > 0], axis=1), made["state"]

    def continued_phrases(self, phrases: np.ndarray) -> np.ndarray:
        """Continues the beginnings of phrases `(n, bars, 8, 84, tracks)`."""
        return as_phrases(self.continued(as_steps(phrases))[0])

    def write_figures(self, epoch: int, steps: np.ndarray) -> None:
        """Adds the figures of the generated steps to `generated.csv`, one row an epoch."""
        window = self.system.settings.window
        rolls = steps.swapaxes(-1, -2)
        row = {"epoch": epoch} | duet_claims.history_columns(rolls, self.system.tracks, window)
        path = self.run.path(GENERATED)
        rows = []
        if path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                rows = [old for old in csv.DictReader(file) if int(old["epoch"]) < epoch]
        rows.append(row)
        self.run.table(GENERATED, {name: [own[name] for own in rows] for name in row})


def evaluate(system: DuetHLSTM, sets: Mapping[str, StepTable | None], run: Run) -> None:
    """Measures the predictions of a network on sets of phrases, and writes the figures."""
    run.evaluation(
        {
            name: {"phrases": len(table)} | system.predicted(table)
            for name, table in sets.items()
            if table is not None
        }
    )
