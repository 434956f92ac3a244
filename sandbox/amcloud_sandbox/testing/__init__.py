"""Throw-away services for integration tests: started on free ports in a temporary folder, gone afterwards."""
