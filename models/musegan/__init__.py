"""MuseGAN: its settings, generators and critics, and the system that they form."""
