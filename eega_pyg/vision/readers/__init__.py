r"""Scene graphs and relationships in the files of others."""
