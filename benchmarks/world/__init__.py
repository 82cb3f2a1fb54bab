"""What moving cameras do to people's paths: real footage moved by virtual cameras, and measured."""
