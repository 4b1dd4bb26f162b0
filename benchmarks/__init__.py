"""What is measured about this package, and how; each program prints one JSON line."""
