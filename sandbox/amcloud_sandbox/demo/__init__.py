"""The main job shown on real input: from a push to a hosted application, or to a refusal that says why.

What belongs here: the story that ``make demo`` tells, what it checks, and the words it prints. How the sandbox works is
elsewhere; the demonstration only uses what any user has: git, kubectl, HTTP and ``amcloud``.
"""
