"""Positions of published InstanceVid files, put right."""
