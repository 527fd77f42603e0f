"""Training: the options of every script, the folder of a run, and the loop over epochs."""
