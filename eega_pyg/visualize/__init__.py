r"""Pictures; each module loads matplotlib only when it draws."""
