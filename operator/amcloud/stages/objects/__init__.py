"""What hosting objects are made and compared with: kinds and versions, templates, egress, quantities, operations.

The steps ``render`` (5) and ``apply`` (6) draw on it, and so do the Jobs of ``jobs``.
"""
