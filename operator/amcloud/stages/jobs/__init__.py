"""What the operator has carried out in the cluster by Jobs: a check, a walk, a developer's command.

Their objects, and what to make of what became of them.
"""
