"""The layers that Keras lacks; each module registers its own."""
