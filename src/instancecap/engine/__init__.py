"""Many clips: what to do, where results go, and how the work is spread."""
