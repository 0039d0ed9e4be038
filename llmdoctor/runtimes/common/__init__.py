"""What several runtimes' probes need: their processes, ports, places, units, models and versions."""
