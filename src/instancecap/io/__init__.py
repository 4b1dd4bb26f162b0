"""Where clips come from and results go: sources, tables, atomic writes."""
