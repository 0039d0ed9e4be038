"""The typed values that everything speaks in. Imports nothing of ours, looks nothing up."""
