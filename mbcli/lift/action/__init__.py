"""Recognising what people do: an action head on the DSTformer."""
