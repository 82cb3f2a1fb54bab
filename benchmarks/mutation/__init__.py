"""Mutation testing: how many small changes of the code its nearest tests notice."""
