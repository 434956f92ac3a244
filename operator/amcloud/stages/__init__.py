"""The eight steps of a pass, a module each, and the decisions that they draw on, a folder a subject.

Pure: values in, values out; no clock, environment, socket or Kopf. In order, each step knowing only earlier ones:

1. ``manifest``; 2. ``repository``; 3. ``gate``; 4. ``build`` and ``provenance``; 5. ``render``; 6. ``apply``;
7. ``observe`` and ``health``; 8. ``report``.

Between them stand their words: ``reasons`` (why, a closed list), ``conditions`` (how Kubernetes keeps it), and
``outcome`` (what the steps learnt of one stage). The folders, from the first to the last: ``declared``, ``objects``,
``seen``, ``steering``, ``to_forge``, ``to_cluster``, ``jobs``; each says in its ``__init__`` what belongs there. The
contract "A step knows only earlier steps" in pyproject.toml names them all: what is new must find its place.

A *step* is a step of the pass. A *stage*, in the code and in ``spec.stages``, is where an application runs:
development, acceptance or production (:class:`amcloud.stages.declared.app.Stage`).
"""
