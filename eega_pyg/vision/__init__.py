r"""Images and captions to scene graphs."""
from eega_pyg.vision.caption import CaptionParser, read_captions

__all__ = ['CaptionParser', 'read_captions']
