"""The register of officers who may look people up (VP 8)."""
