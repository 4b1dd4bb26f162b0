"""What measures one kind of fact each."""
