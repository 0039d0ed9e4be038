"""Asks every probe and every runtime, side by side under one deadline, and puts the machine together."""
