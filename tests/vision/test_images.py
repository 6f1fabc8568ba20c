import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from eega_pyg.vision import load_image
from eega_pyg.vision.images import image_extensions, open_picture, to_tensor, widened

#: A picture whose corners can be told apart.
CORNERS = Image.new('RGB', (4, 2))
CORNERS.putpixel((0, 0), (255, 0, 0))
CORNERS.putpixel((3, 1), (0, 0, 255))


def test_a_camera_rotation_is_applied(tmp_path):
    # EXIF 6: the camera was turned, so that the first row is the right side.
    exif = Image.Exif()
    exif[0x0112] = 6
    CORNERS.save(tmp_path / 'turned.png', exif=exif)
    image = load_image(tmp_path / 'turned.png')
    assert image.size == (2, 4)
    assert image.getpixel((1, 0)) == (255, 0, 0)
    assert image.getpixel((0, 3)) == (0, 0, 255)


@pytest.mark.parametrize('mode, name', [
    ('1', 'a.png'),
    ('L', 'a.png'),
    ('P', 'a.gif'),
    ('CMYK', 'a.jpg'),
    ('CMYK', 'a.tif'),
    ('YCbCr', 'a.jpg'),
    ('LAB', 'a.tif'),
    ('RGBA', 'a.webp'),
    ('LA', 'a.png'),
])
def test_any_mode_becomes_rgb(mode, name, tmp_path):
    grey = Image.new('RGB', (8, 8), (255, 255, 255))
    convertible = grey.convert('L') if mode == 'LA' else grey
    if mode == 'LAB':
        image = Image.new('LAB', (8, 8), (255, 128, 128))
    else:
        image = convertible.convert(mode)
    image.save(tmp_path / name)
    loaded = load_image(tmp_path / name)
    assert loaded.mode == 'RGB'
    assert min(loaded.getpixel((4, 4))) > 240


@pytest.mark.parametrize('array, name', [
    (np.array([[0, 32768, 65535]], dtype=np.uint16), 'a.png'),
    (np.array([[0, 32768, 65535]], dtype=np.int32), 'a.tif'),
    (np.array([[0, 0.5, 1]], dtype=np.float32), 'a.tif'),
    (np.array([[0, 128, 255]], dtype=np.int32), 'a.tif'),
    (np.array([[0, 5e4, 1e5]], dtype=np.float32), 'a.tif'),
])
def test_more_bits_are_scaled_and_not_cut_off(array, name, tmp_path):
    Image.fromarray(array).save(tmp_path / name)
    values = [load_image(tmp_path / name).getpixel((x, 0))[0] for x in range(3)]
    assert values[0] == 0 and values[2] == 255 and abs(values[1] - 128) <= 1


def test_what_is_transparent_is_white(tmp_path):
    image = Image.new('RGBA', (2, 1), (10, 20, 30, 0))
    image.putpixel((1, 0), (10, 20, 30, 255))
    image.save(tmp_path / 'a.png')
    loaded = load_image(tmp_path / 'a.png')
    assert loaded.getpixel((0, 0)) == (255, 255, 255)
    assert loaded.getpixel((1, 0)) == (10, 20, 30)


def test_the_first_frame_of_an_animation_counts(tmp_path):
    frames = [Image.new('RGB', (8, 8), c) for c in ('red', 'blue')]
    frames[0].save(tmp_path / 'a.gif', save_all=True, append_images=frames[1:])
    assert load_image(tmp_path / 'a.gif').getpixel((3, 3)) == (255, 0, 0)


def damaged(kind):
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 80).convert('RGB').save(buffer, 'JPEG')
    content = buffer.getvalue()
    return {
        'empty': b'',
        'text': b'this is no image',
        'cut short': content[:len(content) // 2],
        'header alone': content[:30],
        'png cut': b'\x89PNG\r\n\x1a\n' + b'\0' * 8,
    }[kind]


@pytest.mark.parametrize('kind',
                         ['empty', 'text', 'cut short', 'header alone', 'png cut'])
def test_a_damaged_file_is_an_os_error_that_names_it(kind, tmp_path):
    (tmp_path / 'bad.jpg').write_bytes(damaged(kind))
    with pytest.raises(OSError, match='bad.jpg'):
        load_image(tmp_path / 'bad.jpg')


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="gone.jpg': there is no such image"):
        load_image(tmp_path / 'gone.jpg')


def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path):
    # 3 kB of PNG, 900 million pixels.
    import struct
    import zlib

    def chunk(name, data):
        body = name + data
        return struct.pack('>I', len(data)) + body + struct.pack('>I', zlib.crc32(body))

    header = struct.pack('>IIBBBBB', 30_000, 30_000, 1, 0, 0, 0, 0)
    content = (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) +
               chunk(b'IDAT', zlib.compress(b'\0' * 100)) + chunk(b'IEND', b''))
    (tmp_path / 'bomb.png').write_bytes(content)
    with pytest.raises(OSError, match='bomb.png.*pixels'):
        load_image(tmp_path / 'bomb.png')
    with pytest.raises(OSError, match='4 x 2 pixels, more than 7'):
        load_image(CORNERS, max_pixels=7)


@pytest.mark.parametrize('content', [
    b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n{} loop\n',
    b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    b'%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n',
    b'\xd7\xcd\xc6\x9a' + bytes(40),
    b'SIMPLE  =                    T' + b' ' * 50 + b'END' + b' ' * 77,
], ids=['EPS', 'SVG', 'PDF', 'WMF', 'FITS'])
def test_only_photographs_are_opened(content, tmp_path, monkeypatch):
    def start(*args, **kwargs):
        raise AssertionError('another program was started')

    for name in ('Popen', 'run', 'check_call', 'check_output'):
        monkeypatch.setattr(subprocess, name, start)
    (tmp_path / 'photo.jpg').write_bytes(content)
    with pytest.raises(OSError, match='photo.jpg.*not an image'):
        load_image(tmp_path / 'photo.jpg')


def test_the_endings_are_those_of_photographs():
    endings = image_extensions()
    assert {'.jpg', '.jpeg', '.png', '.webp', '.tif', '.gif'} <= endings
    assert not endings & {'.eps', '.ps', '.pdf', '.wmf', '.fits', '.mpg', '.h5'}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != 'linux', reason='reads the peak from Linux')
@pytest.mark.parametrize('mode', ['I;16', 'RGBA'])
def test_a_small_file_takes_no_gigabytes(mode, tmp_path):
    # 64 megapixels: 128 and 256 MB decoded, and as RGB 256 MB.
    Image.new(mode, (8000, 8000)).save(tmp_path / 'grey.png', compress_level=1)
    code = ('import sys; from eega_pyg.vision import load_image\n'
            'load_image(sys.argv[1])\n'
            'lines = open("/proc/self/status").read().splitlines()\n'
            'print(next(x.split()[1] for x in lines if x.startswith("VmHWM")))')
    done = subprocess.run([sys.executable, '-c', code, tmp_path / 'grey.png'],
                          check=True, capture_output=True, text=True)
    assert int(done.stdout) < 900_000


def test_a_picture_is_numbers_between_0_and_1():
    tensor = to_tensor(CORNERS)
    assert tensor.shape == (3, 2, 4)
    assert tensor[:, 0, 0].tolist() == [1, 0, 0]
    assert tensor[:, 1, 3].tolist() == [0, 0, 1]


def test_a_side_that_scaling_would_lose_is_filled_up():
    tensor = to_tensor(Image.new('RGB', (1, 640), 'white'))
    assert tensor.shape == (3, 640, 10)
    assert tensor[:, :, 0].min() == 1 and tensor[:, :, 1:].max() == 0


def test_a_picture_of_a_usual_shape_stays_as_it_is():
    assert widened(CORNERS) is CORNERS
    turned = widened(Image.new('RGB', (640, 1), 'white'))
    assert turned.size == (640, 10) and turned.getpixel((639, 1)) == (0, 0, 0)


def test_what_a_file_holds_is_opened_and_decoded_later():
    file = io.BytesIO()
    CORNERS.save(file, 'PNG')
    content = file.getvalue()
    assert load_image(open_picture(content, 'a')).tobytes() == CORNERS.tobytes()
    cut = open_picture(content[:-25], 'a')
    with pytest.raises(OSError, match='damaged or cut short'):
        load_image(cut)
    with pytest.raises(OSError, match="'a': the image has 4 x 2 pixels, more than 7"):
        open_picture(content, 'a', max_pixels=7)
    with pytest.raises(OSError, match="'a': not an image that can be read"):
        open_picture(b'%!PS', 'a')
