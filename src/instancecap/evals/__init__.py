"""Captioners and generators measured: tasks, statistics with intervals, result documents."""
