"""HTTP entrances: web hooks of the forge, liveness and metrics, reports. Thin: unpack, delegate, answer."""
