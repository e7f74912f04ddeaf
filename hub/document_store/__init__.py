"""The personal e-document store: papers found and fetched for an officer, result papers handed in."""
