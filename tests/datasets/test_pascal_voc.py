import pytest

from eega_pyg.datasets.pascal_voc import read_boxes

OBJECT = '''<object><name>Ann Lee</name><pose>Left</pose><bndbox><xmin>10</xmin>
<ymin>0</ymin><xmax>40</xmax><ymax>50</ymax></bndbox></object>'''
XML = f'''<?xml version="1.0"?><annotation><filename>7.jpg</filename><size>
<width>40</width><height>100</height></size>{OBJECT}{OBJECT.replace('40', '30')}
</annotation>'''


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / '7.xml'
        path.write_text(text)
        return path

    return write


def test_boxes_are_fractions_of_the_image(write):
    assert read_boxes(write(XML)) == [('Ann Lee', (0.25, 0.0, 1.0, 0.5)),
                                      ('Ann Lee', (0.25, 0.0, 0.75, 0.5))]
    assert read_boxes(write(XML.replace(OBJECT, ''))) == read_boxes(write(XML))[1:]


@pytest.mark.parametrize('old, new, message', [
    ('</annotation>', '', 'not valid XML'),
    ('<annotation>', '<!DOCTYPE a [<!ENTITY b "c">]><annotation>', 'declarations'),
    ('<width>40</width>', '', "size/width: expected a number .got None"),
    ('<width>40</width>', '<width>0</width>', 'size: expected pixels .got 0 x'),
    ('<width>40</width>', '<width>nan</width>', 'size: expected pixels .got nan'),
    ('<xmax>30<', '<xmax>41<', r'object 1: bndbox: \[10, 0, 41, 50\] is no box'),
    ('<xmin>10<', '<xmin>40<', r'object 0: bndbox: \[40, 0, 40, 50\] is no box'),
    ('<ymin>0<', '<ymin>a<', "object 0: bndbox/ymin: expected a number .got 'a'"),
    ('<name>Ann Lee</name>', '', "object 0: missing 'name'"),
])
def test_what_is_wrong_is_named(write, old, new, message):
    with pytest.raises(ValueError, match=f'7.xml: {message}'):
        read_boxes(write(XML.replace(old, new)))
