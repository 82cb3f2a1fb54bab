"""Drawing: a motion on its video and in space, as pictures."""
