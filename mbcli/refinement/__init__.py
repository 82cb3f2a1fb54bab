"""Image units to metres, and what smooths on the way."""
