"""Training of generative adversarial networks: WGAN-GP, its loop, its pictures."""
