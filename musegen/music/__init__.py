"""What music is here: phrases of five tracks, notes, and the files that both come from."""
