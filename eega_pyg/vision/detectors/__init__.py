r"""Pictures to objects: boxes, labels, scores and features."""
