"""The sandbox's Composer repository: real packages taken from Debian's, plus the Starter Kit, as static files.

What belongs here: deriving Composer packages from Debian packages, writing the repository, serving it, and keeping a
``composer.lock`` in step with it. Packages are never installed on the machine by this.
"""
