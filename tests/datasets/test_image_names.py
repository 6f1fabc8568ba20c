import time
import warnings

import pytest

from eega_pyg.datasets.image_names import match_names, warn_of_unmatched


@pytest.mark.parametrize('name', [
    'a1.jpg', 'a1', 'a1.JPG', 'a1.jpeg', 'images/a1.jpg', 'C:\\data\\images\\a1.Jpg',
    './a1.jpg', '/x/y/a1', 'x/a1.JPEG'
])
def test_an_image_is_found_whatever_its_ending_and_its_folder(name):
    assert match_names(['a1.jpg', 'b.jpg'], {name: 0}) == {'a1.jpg': name}
    assert match_names([name], {'a1.jpg': 0, 'b.jpg': 0}) == {name: 'a1.jpg'}


@pytest.mark.parametrize(
    'images, known, found',
    [
        # The same name counts before all others.
        (['a.jpg', 'x/a.jpg'], ['a.jpg', 'A.jpg'], {
            'a.jpg': 'a.jpg'
        }),
        # Two names for one image, and two images for one name.
        (['a.jpg'], ['x/a.jpg', 'y/a.jpg'], {}),
        (['x/a.jpg', 'y/a.jpg'], ['a.jpg'], {}),
        (['a.jpg', 'a.png'], ['a'], {}),
        # Other files.
        (['a.jpg'], ['a.png'], {}),
        (['x/a.jpg'], ['y/a.jpg'], {}),
        (['a.jpg'], ['aa.jpg', 'a.jpg.bak', 'a.1.jpg'], {}),
        (['A.jpg'], ['a.jpg'], {}),
        # A dot within a name is no ending.
        (['2018.05.jpg'], ['2018.05', '2018'], {
            '2018.05.jpg': '2018.05'
        }),
        (['t/x/a.jpg', 't/y/a.jpg'], ['x/a', 'y/a'], {
            't/x/a.jpg': 'x/a',
            't/y/a.jpg': 'y/a'
        }),
    ])
def test_only_what_is_unambiguous_is_found(images, known, found):
    assert match_names(images, dict.fromkeys(known)) == found


def test_many_images_of_one_name_in_many_folders_take_no_time():
    images = [f's{i}/frame.jpg' for i in range(20_000)]
    known = {f's{i}/frame.JPG': 0 for i in range(20_000)}
    start = time.process_time()
    assert len(match_names(images, known)) == 20_000
    assert time.process_time() - start < 5  # Each with each would take minutes.


def test_the_warning_shows_both_sides():
    images = [f'{i}.jpg' for i in range(5)]
    known = {f'x{i}.jpg': 0 for i in range(3)}
    with pytest.warns(UserWarning) as caught:
        warn_of_unmatched("'c.jsonl'", images, known, {})
    assert str(caught[0].message) == (
        "Of the 3 images that 'c.jsonl' names, none is among the 5 images of the "
        "texts. It names 'x0.jpg', 'x1.jpg', 'x2.jpg'; the texts have '0.jpg', "
        "'1.jpg', '2.jpg', ...")
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        # Captions of all splits in one file, and images without one.
        warn_of_unmatched('', ['a'], dict.fromkeys('abcdef'), {'a': 'a'})
        warn_of_unmatched('', list('abcdef'), {'a': 0}, {'a': 'a'})
        warn_of_unmatched('', [], {'a': 0}, {})
