"""Gait: heel strikes and toe offs of people who walk, and the parameters of their strides."""
