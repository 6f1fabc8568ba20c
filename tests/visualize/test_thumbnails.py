import base64
import io

import pytest
from PIL import Image

from eega_pyg.visualize import thumbnails as module
from eega_pyg.visualize.thumbnails import cutouts, data_uri, thumbnails


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / 'images'
    folder.mkdir()
    for name in 'abc':
        Image.new('RGB', (640, 320), 'red').save(folder / f'{name}.png')
    Image.new('RGB', (64, 32), 'blue').save(tmp_path / 'secret.png')
    (folder / 'text.jpg').write_text('text')
    return folder


def test_images_are_small_copies(folder):
    found = thumbnails(['b.png', 'a.png'], folder)
    assert list(found) == ['b.png', 'a.png']
    content = base64.b64decode(found['a.png'].removeprefix('data:image/jpeg;base64,'))
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (160, 80)


@pytest.mark.parametrize('name', [
    '../secret.png', 'gone.png', 'text.jpg', '', '.', 'a\0.png', 'x' * 300, '\ud800.png'
])
def test_what_is_no_image_of_the_folder_is_left_out(folder, name):
    assert list(thumbnails([name, 'a.png'], folder)) == ['a.png']
    assert thumbnails([str(folder.parent / 'secret.png')], folder) == {}


def test_there_are_not_too_many(folder, monkeypatch):
    names = ['a.png', 'b.png', 'c.png']
    size = len(thumbnails(names[:1], folder)['a.png'])
    monkeypatch.setattr(module, 'SIZE', 2 * size)
    assert list(thumbnails(names, folder)) == names[:2]
    monkeypatch.setattr(module, 'MOST', 1)
    assert list(thumbnails(names, folder)) == names[:1]


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(OSError, match='gone'):
        thumbnails([], tmp_path / 'gone')


def opened(uri):
    content = base64.b64decode(uri.removeprefix('data:image/jpeg;base64,'))
    return Image.open(io.BytesIO(content))


def test_a_cutout_is_what_is_in_the_box(folder):
    picture = Image.new('RGB', (100, 100), 'red')
    picture.paste('blue', (25, 50, 75, 100))
    picture.save(folder / 'b.png')
    box = (0.25, 0.5, 0.75, 1.0)
    found = cutouts([('b.png', box), ('gone.png', box), ('../secret.png', box)], folder)
    assert list(found) == [('b.png', box)]
    image = opened(found['b.png', box])
    assert image.size == (50, 50)
    assert all(low[0] < 40 and low[2] > 200
               for low in (image.getpixel((3, 3)), image.getpixel((46, 46))))


@pytest.mark.parametrize('box', [(0, 0, 0, 0), (1, 1, 1, 1), (0.999, 0, 1, 1),
                                 (-1, -1, 2, 2)])
def test_a_cutout_has_a_pixel_of_the_image(box):
    with opened(data_uri(Image.new('RGB', (30, 20)), 160, box)) as image:
        assert 1 <= image.width <= 30 and 1 <= image.height <= 20
