r"""Pairs of objects to the predicates between them."""
