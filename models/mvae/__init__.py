"""The melody VAE: its settings, its networks, the loop that writes notes, and the systems."""
