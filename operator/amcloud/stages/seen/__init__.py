"""What is seen of an instance, as values and in words: why pods do not serve, isolation, storage, who is served.

The step ``observe`` (7) draws on it.
"""
