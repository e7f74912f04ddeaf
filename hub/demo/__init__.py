"""The tour and the sample traffic: invented dossiers, handed in as a dossier system would, and verified."""
