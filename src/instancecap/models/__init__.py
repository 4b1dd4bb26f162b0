"""Small neural networks, each in a file of its own, and where their weights come from."""
