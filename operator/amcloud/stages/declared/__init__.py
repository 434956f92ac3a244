"""What people declare, as checked values: the application, what it asks for, what a person asked of a stage of it.

With connectors and their directory, and the versions of the norms. ``manifest`` (step 1) makes an ``App`` of these.
"""
