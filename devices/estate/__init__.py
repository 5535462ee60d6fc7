"""How an estate is written: its files, what may stand in them, and what must agree between them."""
