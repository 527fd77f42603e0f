"""Objective metrics of symbolic music.

`muse` has the bar metrics of the MuseGAN family, `duet` those of the DuetHLSTM report, `mgeval`
the features of Yang and Lerch, `stats` their comparison of two sets and the scores of listeners,
`likelihood` the losses of models, and `libraries` what pypianoroll and muspy compute. Rates are
fractions, never percent, and NaN stands for what is undefined.
"""

PERCENT = ("EB", "QN", "PP", "SR", "DP")  # what the papers, and so our tables, print in percent
