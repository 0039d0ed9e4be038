"""The interactive face of the doctor. Thin over the functions that the commands call; imported by ``cli/tui.py`` alone."""
