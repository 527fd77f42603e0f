"""Pretrained weights, one folder a model."""
