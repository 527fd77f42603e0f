"""MIDI-Sandwich2: BVAE, MFG-VAE, refine networks, and the system that they form."""
