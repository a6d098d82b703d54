"""Measure the runner beside the limits of its libraries; ``scripts/bench`` runs it."""
