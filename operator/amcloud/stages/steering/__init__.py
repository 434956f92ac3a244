"""What else decides which revision an instance runs, in which size, and whether it runs.

Whose a stage is, suspensions, an allowance and what instances cost, revisions held, promoted or gone back to, and which
images are kept for that.
"""
