"""Runs a command unchanged, and watches what it takes."""
