"""What the cluster is told of a pass: the status of a LocalApp, its conditions and problems, a verdict in brief."""
