import urllib.request
from urllib.error import URLError

import pytest
import torch
from PIL import Image
from torchvision.ops import box_iou

from eega_pyg.vision import RCNNDetector, SSDLiteDetector
from eega_pyg.vision.images import to_tensor


def close(first, second):
    assert list(first.labels) == list(second.labels)
    for a, b in zip((first.boxes, first.scores, first.features),
                    (second.boxes, second.scores, second.features)):
        assert torch.allclose(a, b, atol=1e-2, rtol=1e-3)


@torch.no_grad()
def test_mask_rcnn_finds_what_torchvision_finds(mask_rcnn, pictures):
    found = mask_rcnn(pictures[0])
    expected = mask_rcnn.model([to_tensor(pictures[0])])[0]
    assert len(found.labels) == 5
    assert torch.allclose(found.boxes, expected['boxes'])
    assert torch.equal(found.scores, expected['scores'])
    assert found.labels == [mask_rcnn.labels[i] for i in expected['labels']]


@torch.no_grad()
def test_features_are_what_the_box_head_says_about_the_final_boxes(mask_rcnn, pictures):
    found = mask_rcnn(pictures[0])
    assert found.features.shape == (5, 1024) and mask_rcnn.feature_size == 1024
    # Given a box as the one proposal, the box head sees the same; its predictor then
    # gives the class of the feature.
    seen = []
    predictor = mask_rcnn.model.roi_heads.box_predictor
    hook = predictor.register_forward_pre_hook(lambda m, args: seen.append(args[0]))
    images, _ = mask_rcnn.model.transform([to_tensor(pictures[0])])
    height, width = images.image_sizes[0]
    boxes = found.boxes * torch.tensor([width / 120, height / 90] * 2)
    maps = mask_rcnn.model.backbone(images.tensors)
    mask_rcnn.model.roi_heads(maps, [boxes], images.image_sizes)
    hook.remove()
    assert torch.allclose(seen[0], found.features, atol=1e-3)


def test_a_batch_gives_what_each_picture_gives_alone(mask_rcnn, pictures):
    for picture, found in zip(pictures, mask_rcnn.batch(pictures)):
        close(mask_rcnn(picture), found)
    assert mask_rcnn.batch([]) == []


def test_suppression_is_within_a_class(mask_rcnn, pictures):
    heads = mask_rcnn.model.roi_heads
    heads.detections_per_img, heads.nms_thresh = 60, 0.3
    try:
        found = mask_rcnn(pictures[0])
    finally:
        heads.detections_per_img, heads.nms_thresh = 5, 0.5
    iou = box_iou(found.boxes, found.boxes).fill_diagonal_(0)
    same = torch.tensor([[a == b for b in found.labels] for a in found.labels])
    assert (iou[same] <= 0.31).all()
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)


@pytest.mark.parametrize('size', [(1, 1), (1, 900), (900, 1)])
def test_strange_shapes_are_no_error(size, mask_rcnn, ssdlite):
    picture = Image.new('RGB', size, 'green')
    for detector in (mask_rcnn, ssdlite):
        found = detector(picture)
        assert len(found.labels) == len(found.boxes) == len(found.features)


def test_nothing_found_has_features_too(mask_rcnn, ssdlite, pictures):
    for detector, owner, size in ((mask_rcnn, mask_rcnn.model.roi_heads, 1024),
                                  (ssdlite, ssdlite.model, 672)):
        owner.score_thresh = 2.
        try:
            found = detector(pictures[0])
        finally:
            owner.score_thresh = 0.
        assert found.boxes.shape == (0, 4) and found.features.shape == (0, size)


@torch.no_grad()
def test_ssdlite_finds_what_torchvision_finds(ssdlite, pictures):
    found = ssdlite(pictures[1])
    expected = ssdlite.model([to_tensor(pictures[1])])[0]
    assert torch.equal(found.boxes, expected['boxes'])
    assert found.features.shape == (5, 672)
    assert not ssdlite.model.backbone._forward_hooks


def test_weights_that_cannot_be_downloaded_say_what_to_do(monkeypatch, tmp_path):
    def refuse(*args, **kwargs):
        raise URLError('no network')

    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, 'urlopen', refuse)
    monkeypatch.setattr(urllib.request, 'urlopen', refuse)
    for build in (RCNNDetector.mask_rcnn, SSDLiteDetector):
        with pytest.raises(OSError, match='no network.*save the file as .*caption'):
            build()


def test_a_wrong_weight_file_is_named(tmp_path, ssdlite):
    from safetensors.torch import save_file
    with pytest.raises(OSError, match="gone.pth' is neither a file nor"):
        SSDLiteDetector(tmp_path / 'gone.pth')
    (tmp_path / 'text.pth').write_text('no weights')
    (tmp_path / 'text.safetensors').write_text('no weights')
    for name in ('text.pth', 'text.safetensors'):
        with pytest.raises(OSError, match=name):
            SSDLiteDetector(tmp_path / name)
    torch.save([1, 2], tmp_path / 'list.pth')
    with pytest.raises(OSError, match='expected named tensors'):
        SSDLiteDetector(tmp_path / 'list.pth')
    save_file({'a': torch.zeros(2)}, tmp_path / 'other.safetensors')
    with pytest.raises(ValueError, match='weights of another network than SSD'):
        SSDLiteDetector(tmp_path / 'other.safetensors')
    save_file(ssdlite.model.state_dict(), tmp_path / 'right.safetensors')
    again = SSDLiteDetector(tmp_path / 'right.safetensors', score_threshold=0., seed=5)
    picture = Image.new('RGB', (50, 50), 'red')
    assert torch.equal(again(picture).scores[:5], ssdlite(picture).scores)


class Attack:
    def __reduce__(self):
        return (print, ('this ran', ))


def test_nothing_is_unpickled(tmp_path, capsys):
    torch.save({'a': Attack()}, tmp_path / 'hostile.pth')
    with pytest.raises(OSError, match='hostile.pth'):
        SSDLiteDetector(tmp_path / 'hostile.pth')
    assert 'this ran' not in capsys.readouterr().out


def test_bad_arguments_are_named(mask_rcnn):
    with pytest.raises(ValueError, match="each of the model's 91 classes .got 2"):
        RCNNDetector(mask_rcnn.model, ['a', 'b'])
    with pytest.raises(ValueError, match='top_k and batch_size >= 1 .got 0'):
        RCNNDetector(mask_rcnn.model, mask_rcnn.labels, top_k=0)
