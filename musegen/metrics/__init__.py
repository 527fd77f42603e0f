"""Objective metrics of symbolic music.

- `muse` has the metrics of the MuseGAN family, which are means over bars.
- `duet` has the statistics of the DuetHLSTM report.
- `mgeval` has the features of Yang and Lerch; `events` reads the samples that they measure.
- `stats` compares two sets as Yang and Lerch do, and summarises the scores of listeners.
- `likelihood` has the losses and the perplexity of models.
- `libraries` has the metrics of pypianoroll and muspy.

Rates are fractions, never percent. NaN stands for an undefined value.
"""

PERCENT = ("EB", "QN", "PP", "SR", "DP")  # the papers and our tables print these in percent
