"""Pickles of arrays that every NumPy reads, in Python 2 and 3.

NumPy 2 names its pickled arrays after `numpy._core`, which NumPy before 1.26 does not have, and programs of the SMPL family pin older
ones. Every NumPy finds them under `numpy.core`; NumPy 2 keeps that name for old pickles.
"""

from __future__ import annotations

import pickle
import pickletools

_NEW, _OLD = b"cnumpy._core.", b"cnumpy.core."


def portable_pickle(value: object) -> bytes:
    """Pickle lists, dicts, text, numbers and arrays in protocol 2, the newest that Python 2 reads."""
    data = pickle.dumps(value, protocol=2)
    if _NEW not in data:
        return data
    # Only where an opcode names a function: the same letters may stand in somebody's text.
    starts = [at for code, name, at in pickletools.genops(data) if code.name == "GLOBAL" and _is_new(name)]
    parts = [data[start:end] for start, end in zip([0, *starts], [*starts, len(data)], strict=True)]
    return parts[0] + b"".join(_OLD + part.removeprefix(_NEW) for part in parts[1:])


def _is_new(name: object) -> bool:
    return str(name).startswith("numpy._core.")
