"""Multimodal language models: one way to ask them, whoever serves them."""
