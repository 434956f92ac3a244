"""The forge's runner: takes pipelines and runs them for real with gitlab-ci-local, as an unprivileged account.

A job is hostile: it runs in namespaces of its own (processes, mounts, IPC), without the machine's /tmp, sees no
credential of the sandbox, and what it leaves behind is thrown away. Only a cache folder per project survives it.
"""
