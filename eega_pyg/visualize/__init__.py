r"""Pages and figures of scenes, extractions and knowledge graphs; each module loads
what it draws with when it draws."""
