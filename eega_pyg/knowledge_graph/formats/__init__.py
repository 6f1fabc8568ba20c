r"""The files that a knowledge graph can be written to, a module each."""
