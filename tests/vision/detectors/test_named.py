import pytest
from PIL import Image
from tiny_models import tiny

from eega_pyg.vision.detectors.named import check_name, named_detector, named_parser

OWN = '''
from eega_pyg.vision import Detection
import torch

THING = 3

def detector(picture):
    return Detection(torch.tensor([[0., 0., 9., 9.]]), ['cup'], torch.tensor([0.9]))
'''


@pytest.fixture
def own(tmp_path):
    (tmp_path / 'own.py').write_text(OWN)
    return tmp_path / 'own.py'


def test_a_function_of_ones_own_is_found(own):
    graph, = named_parser(f'{own}:detector')([Image.new('RGB', (18, 18))])
    assert [(o.label, o.box) for o in graph.objects] == [('cup', (0, 0, 0.5, 0.5))]


@pytest.mark.parametrize('code, name, message', [
    (OWN, 'other', "has no function 'other'"),
    (OWN, 'THING', "has no function 'THING'"),
    ('import no_such_module', 'detector', 'ModuleNotFoundError: No module named'),
    ('def', 'detector', 'cannot be run: SyntaxError'),
])
def test_what_is_wrong_with_it_is_told(code, name, message, own):
    own.write_text(code)
    with pytest.raises(ValueError, match=message) as error:
        named_detector(f'{own}:{name}')
    assert str(own) in str(error.value) and '\n' not in str(error.value)


def test_a_folder_of_transformers_is_found(tmp_path):
    model, processor = tiny('rt_detr_v2', tmp_path)
    model.save_pretrained(tmp_path / 'rt')
    processor.save_pretrained(tmp_path / 'rt')
    detector = named_detector(f"hf:{tmp_path / 'rt'}", top_k=3, score_threshold=0.)
    assert repr(detector) == 'TransformersDetector(rt_detr_v2, top_k=3)'
    assert len(detector(Image.new('RGB', (50, 50))).labels) <= 3


@pytest.mark.parametrize('name, error, message', [
    ('yolo', ValueError, "no detector 'yolo': expected mask-rcnn, ssdlite, hf:MODEL"),
    ('hf:', ValueError, "no detector 'hf:'"),
    ('', ValueError, "no detector ''"),
    ('own.py', ValueError, 'FILE.py:FUNCTION'),
    ('gone.py:detector', FileNotFoundError, "no file 'gone.py'"),
])
def test_names_are_checked_before_anything_is_loaded(name, error, message):
    with pytest.raises(error, match=message):
        check_name(name)
    check_name('mask-rcnn')
    check_name('hf:PekingU/rtdetr_v2_r18vd')


def test_labels_are_for_models_that_look_for_them(own):
    for name in ('ssdlite', f'{own}:detector'):
        with pytest.raises(ValueError, match='Labels are given to a zero-shot model'):
            named_detector(name, labels=['cup'])
