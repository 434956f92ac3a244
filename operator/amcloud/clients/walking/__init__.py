"""A walk over the routes of a running application, as agents of two synthetic organisations.

It needs nothing of the application but its routes as Symfony lists them: ``routes`` reads these and fills in addresses,
``issuer`` signs the two agents in, ``site`` asks, ``pages`` reads forms out of answers, ``base`` watches the database,
``judging`` says what an answer shows, and ``walker`` is the story.
"""
