"""The hosting controller of AM Cloud."""
