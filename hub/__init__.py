"""The hub: it takes dossiers in, keeps them, delivers them and says how they stand; adapters come by the registry."""
