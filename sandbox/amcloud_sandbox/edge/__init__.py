"""The HTTP entry of the sandbox: nginx, configured from Ingress, Service and Endpoints objects alone.

``routes`` decides (pure), ``nginx`` renders (pure), ``watching`` keeps copies of the cluster's objects, ``server`` puts
a configuration in force, ``__main__`` ties them.
"""
