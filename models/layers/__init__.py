"""Layers that Keras lacks; each module registers its layers with Keras."""
