"""What every other room may use: settings, logging, plugin discovery, template helpers."""
