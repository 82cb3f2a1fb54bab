"""Old and new weights of the lifter on the same small, fixed sets."""
