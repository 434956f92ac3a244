"""The outside world: each module adapts one service to one Protocol of ``ports`` and its errors to ours."""
