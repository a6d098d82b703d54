import warnings

from marshmallow.warnings import RemovedInMarshmallow4Warning


def check():
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=RemovedInMarshmallow4Warning)
