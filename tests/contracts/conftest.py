"""Hypothesis settings of the contract tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No deadline: a time limit for one example measures the machine, not the code. The dossiers are large, and
# hypothesis calls drawing them slow.
settings.register_profile("contracts", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("contracts")
