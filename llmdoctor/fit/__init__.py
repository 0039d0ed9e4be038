"""What a model needs of a machine: memory by device, and what would fit. One module an engine."""
