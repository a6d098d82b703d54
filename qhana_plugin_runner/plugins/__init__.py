"""Finding, loading, fetching and installing plugins."""
