"""Live: a camera in, the newest pose out, with a view, a recording, and OSC for avatars."""
