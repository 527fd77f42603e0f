"""MuseGAN: settings, generators, critics, and the system that they make."""
