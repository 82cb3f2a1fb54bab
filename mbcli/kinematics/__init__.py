"""How a body moves: rotations of its bones, angles of its joints."""
