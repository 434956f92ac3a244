"""The only place of the engine that starts programs: git, PHP, and the disposable process that reads a repository."""
