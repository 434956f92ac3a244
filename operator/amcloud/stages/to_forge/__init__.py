"""What the forge is told: commit statuses, the note of a merge request and its parts, deployments, badge, link."""
