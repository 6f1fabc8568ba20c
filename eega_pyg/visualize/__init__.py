r"""Pages and figures of scenes, extractions and knowledge graphs."""
