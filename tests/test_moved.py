import importlib
import sys

import pytest

from eega_pyg import _moved


@pytest.mark.parametrize('old', sorted(_moved._MOVED))
def test_an_old_name_warns_and_gives_what_has_moved(old):
    sys.modules.pop(f'eega_pyg.{old}', None)
    with pytest.warns(DeprecationWarning, match=f"'eega_pyg.{old}' is now 'eega_pyg."):
        module = importlib.import_module(f'eega_pyg.{old}')
    with pytest.raises(AttributeError, match='nothing_of_the_kind'):
        module.nothing_of_the_kind


def test_a_module_that_was_split_gives_the_names_of_all_its_parts():
    with pytest.warns(DeprecationWarning):
        sys.modules.pop('eega_pyg.small_model', None)
        from eega_pyg.small_model import load_small, shrink
    from eega_pyg.saving.shrink import shrink as new
    from eega_pyg.saving.weights import load_small as codec
    assert (shrink, load_small) == (new, codec)


def test_the_warning_names_the_line_that_imports():
    sys.modules.pop('eega_pyg.extractor', None)
    with pytest.warns(DeprecationWarning) as caught:
        import eega_pyg.extractor  # noqa: F401
    assert caught[0].filename == __file__
