"""The parts of capture_reference.py: opening a model, and recording what its components compute."""
