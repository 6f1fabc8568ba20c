r"""The command line: a module for each group of commands."""
from .main import app, main

__all__ = ['app', 'main']
