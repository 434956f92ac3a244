"""The eight steps of a pass, in order. Pure: values in, values out; no clock, environment, socket or Kopf.

A stage knows only earlier stages: manifest, repository, verdict, build, render, apply, observe, report.
"""
