"""AM Cloud on one machine: a real Kubernetes, registry, forge, database and edge. For development and tests only."""
