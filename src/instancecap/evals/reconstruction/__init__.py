"""How near one video comes to another: by pixels, by what was measured, by neural features."""
