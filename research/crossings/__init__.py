"""Who is who after two people have met: composited encounters, and the share that is right."""
