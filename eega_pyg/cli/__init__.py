r"""The command line: a module for each group of commands."""
from .main import main

__all__ = ['main']
