"""Readers of model files' headers: nothing is loaded, and a hostile file costs neither time nor memory."""
