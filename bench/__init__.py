"""Measurements: one command, one table. ``python -m bench.check`` and ``python -m bench.controller``, from the root.

Speed and memory are told as ratios to a peer or a limit measured in the same run; no test asserts a time.
"""
