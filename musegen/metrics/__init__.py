"""Objective metrics of symbolic music.

- `muse` has the metrics of the MuseGAN family, which are means over bars.
- `duet` has the statistics of the DuetHLSTM report.
- `duet_claims` measures what that report says in words, and how the samples of a training look.
- `cell_f1` compares piano-rolls cell by cell.
- `mgeval` has the features of Yang and Lerch; `events` reads the samples that they measure.
- `stats` compares two sets as Yang and Lerch do, and summarises the scores of listeners.
- `likelihood` has the losses and the perplexity of models.
- `libraries` has the metrics of pypianoroll and muspy.

Rates are fractions, never percent. NaN stands for an undefined value.
"""

# The papers and our tables print these in percent.
PERCENT = (
    "EB", "QN", "PP", "SR", "DP", "consonant", "unison", "onsets", "unchanged", "copying",
    "density", "silent", "bursts",
)  # fmt: skip
