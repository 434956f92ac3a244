"""GitLab's stand-in: the part of GitLab's API v4 that the product uses, over real git repositories.

What belongs here: the server alone. It knows nothing of the operator; the product reaches it through python-gitlab
and git, as it would reach a GitLab. What is modelled and what is not: README.md of this folder.
"""
