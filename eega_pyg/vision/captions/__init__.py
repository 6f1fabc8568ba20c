r"""Captions to scene graphs, by rules over their syntax."""
