"""Turn the inert tree of a pickle into numpy arrays, scipy sparse matrices, dicts, lists, strings and numbers.

The table at the end is everything that a file may name. Its builders are ours; no class of the file's choosing is ever
imported.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import chain

import numpy as np

from smplify_jax.errors import InputError
from smplify_jax.files.budget import Allowance, check_limit
from smplify_jax.files.chumpy_values import CHUMPY_OPERATIONS, evaluate_chumpy
from smplify_jax.files.joblib_arrays import WRAPPERS, build_attached, read_attached
from smplify_jax.files.pickle_arrays import (
    ARRAY_CLASSES,
    LATIN_1_NAMES,
    OBJECT_CLASSES,
    Builder,
    Values,
    build_array,
    build_array_from_buffer,
    build_coordinates,
    build_csc,
    build_csr,
    build_dtype,
    build_number,
    check_is_name,
    names_of,
    shown,
    unpack,
)
from smplify_jax.files.pickle_nodes import DamagedPickleError, Node, PersistentId, Reference, check_key
from smplify_jax.files.pickle_tree import read_tree
from smplify_jax.files.printable import printable
from smplify_jax.files.torch_tensors import STORAGES, TorchFile, build_parameter, build_tensor, read_old

_MAX_BITS = 1000
"""Of a whole number: larger ones are no float, and Python takes its time over huge ones."""

_ITEM_BYTES = 32
"""What Python needs for a number in a list, and about the time of making an array of it."""

_HOLDERS = (list, tuple, dict, set, np.ndarray)


class Resolver:
    """Resolves one file's tree; every shared object once, and never more bytes than the file makes plausible.

    A list that holds another ten times costs nothing here, and what it stands for is ten times as large: whoever makes an array of it
    writes it out. So everything has a weight, the bytes that it would take written out, and nothing may be heavier than the file allows.
    """

    def __init__(self, allowance: Allowance, torch_file: TorchFile | None = None) -> None:
        """Take what the file may ask for in all, and the storages that it has if it is one of torch."""
        self._allowance = allowance
        self._torch_file = torch_file
        self._values: dict[int, object] = {}
        self._weights: dict[int, int] = {}
        self._in_progress: set[int] = set()

    def charge(self, num_bytes: int) -> None:
        """Count array bytes about to be made; a small file that asks for a huge array is refused here."""
        self._allowance.charge(num_bytes)

    def resolve_all(self, root: object) -> object:
        """The value of the whole tree."""
        value = self.resolve(root)
        self.charge(self._weight(value))
        return value

    def resolve(self, item: object) -> object:
        """The value of a tree item (a string, number, list, dict, set, tuple, `Node` or `PersistentId`)."""
        if isinstance(item, Reference):
            raise InputError(f"the pickle holds the class {item} where a value should be; nothing was executed")
        if isinstance(item, int) and item.bit_length() > _MAX_BITS:
            raise InputError(
                f"the pickle holds a whole number of more than {_MAX_BITS} bits; expected numbers that a float can hold"
            )
        if not isinstance(item, (list, tuple, dict, set, Node, PersistentId)):
            return item
        key = id(item)  # the tree keeps its items alive, so an id stays its item's
        if key in self._values:
            return self._values[key]
        if key in self._in_progress:
            raise DamagedPickleError("an object contains itself")
        self._in_progress.add(key)
        check_limit(len(self._in_progress), "nesting", "the depth of lists and objects in each other is")
        self._values[key] = value = self._resolve_new(item)
        self._in_progress.discard(key)
        self._weights[id(value)] = self._weight_of_new(value)
        self._allowance.check(self._weights[id(value)])
        return value

    def _weight_of_new(self, value: object) -> int:
        """The bytes that a value takes written out, from the weights of what it holds."""
        parts: Iterable[object] = ()
        if isinstance(value, dict):
            parts = chain(value.keys(), value.values())
        elif isinstance(value, (list, tuple, set)):
            parts = value
        elif isinstance(value, np.ndarray) and value.dtype.hasobject:
            parts = value.flat
        else:
            return self._weight(value)
        return _ITEM_BYTES + sum(map(self._weight, parts))

    def _weight(self, value: object) -> int:
        if isinstance(value, (str, bytes, bytearray)):
            return _ITEM_BYTES + len(value)
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            return _ITEM_BYTES + value.nbytes
        return self._weights.get(id(value), _ITEM_BYTES) if isinstance(value, _HOLDERS) else _ITEM_BYTES

    def array(self, item: object) -> np.ndarray:
        """The value of a tree item that must be an array or a number; DamagedPickleError if it is neither."""
        value = self.resolve(item)
        if not isinstance(value, (np.ndarray, np.generic, int, float)):
            raise DamagedPickleError("an array holds something that is not an array")
        return np.asarray(value)

    def _resolve_new(self, item: list | tuple | dict | set | Node | PersistentId) -> object:
        if isinstance(item, PersistentId):
            if self._torch_file is None:
                raise DamagedPickleError("it names something outside of itself")
            return self._torch_file.storage(item, self)
        if isinstance(item, Node):
            return _BUILDERS[str(item.target)](item, self)
        if isinstance(item, dict):
            return {_plain_key(self.resolve(key)): self.resolve(value) for key, value in item.items()}
        if isinstance(item, set):
            return {_plain_key(self.resolve(member)) for member in item}
        return type(item)(self.resolve(member) for member in item)


def read_pickle(stream: io.BytesIO, persistent_ids: list[PersistentId] | None = None) -> object:
    """The tree of the pickle that a stream is at, see `read_tree`.

    Raises:
        InputError: it names a class or function that no file needs to name.
        DamagedPickleError: the bytes are no complete pickle.
    """
    return read_tree(stream, _admit, read_attached, persistent_ids)


def _admit(reference: Reference) -> None:
    if str(reference) not in _BUILDERS and str(reference) not in _NAMES_ONLY:
        raise InputError(
            f"the pickle asks for {printable(str(reference)[:80])}, which is none of the array classes admitted here; "
            "nothing was executed; get the file from its original source or convert it to .npz"
        )


def _plain_key(key: object) -> object:
    """A dict key as Python 3 has it: byte strings become str, numpy numbers Python's."""
    if isinstance(key, bytes):
        return key.decode("latin-1")
    if isinstance(key, np.generic):
        return key.item()
    check_key(key)
    return key


def _encoded(node: Node, values: Values) -> bytes:
    """`_codecs.encode(text, "latin1")`: how Python 3 writes bytes in protocols 0 to 2."""
    text, encoding = unpack(node.args, 2)
    if not isinstance(text, str) or encoding not in LATIN_1_NAMES:
        raise DamagedPickleError("a byte string is encoded in an unknown way")
    values.charge(len(text))
    return text.encode("latin-1")


def _empty_bytes(node: Node, values: Values) -> bytes:
    """`bytes()`: how Python 3 writes empty bytes in protocols 0 to 2."""
    unpack(node.args, 0)
    return b""


def _set(node: Node, values: Values) -> object:
    """`set([...])`."""
    members = unpack(node.args, 1)[0] if node.args else []
    if not isinstance(members, (list, set, tuple)):
        raise DamagedPickleError("a set is not made of a list")
    values.charge(_ITEM_BYTES * len(members))
    return {_plain_key(values.resolve(member)) for member in members}


def _ordered_dict(node: Node, values: Values) -> dict:
    listed = node.args[0] if node.args and isinstance(node.args[0], list) else []
    values.charge(_ITEM_BYTES * len(listed))
    pairs = [*listed, *node.pairs]
    return {_plain_key(values.resolve(pair[0])): values.resolve(pair[1]) for pair in pairs}


def _reconstructed(node: Node, values: Values) -> object:
    """`copy_reg._reconstructor(cls, object, None)`: how protocols 0 and 1 write an object of class cls."""
    cls, base, _ = unpack(node.args, 3)
    check_is_name(base, OBJECT_CLASSES)
    if not isinstance(cls, Reference) or str(cls) not in _PLAIN_CLASSES:
        raise InputError(f"the pickle asks for an object of class {shown(cls)}, which is not an array class")
    return _BUILDERS[str(cls)](Node(cls, (), node.states), values)


def _mixture(node: Node, values: Values) -> dict:
    """A scikit-learn mixture becomes the dict of its attributes."""
    if not isinstance(node.state, dict):
        raise DamagedPickleError("a mixture has no attributes")
    values.charge(_ITEM_BYTES * len(node.state))
    return {_plain_key(key): values.resolve(value) for key, value in node.state.items()}


def _storage(node: Node, values: Values) -> np.ndarray:
    """`torch.storage._load_from_bytes(file)`: the numbers of a tensor in an ordinary pickle."""
    data = values.resolve(unpack(node.args, 1)[0])
    if not isinstance(data, bytes):
        raise DamagedPickleError("a tensor has no storage")
    file = read_old(data, read_pickle)
    if not isinstance(file.tree, PersistentId):
        raise DamagedPickleError("a tensor has no storage")
    return file.storage(file.tree, values)


def _nothing(node: Node, values: Values) -> None:
    """What a file carries along and nobody here needs, such as a random number generator."""
    return


_NAMES_ONLY = OBJECT_CLASSES | ARRAY_CLASSES | STORAGES
"""Names that stand as arguments, never as something to build."""

_PLAIN_BUILDERS: dict[str, Builder] = {
    **dict.fromkeys(names_of("scipy.sparse.csc scipy.sparse._csc", "csc_matrix csc_array"), build_csc),
    **dict.fromkeys(names_of("scipy.sparse.csr scipy.sparse._csr", "csr_matrix csr_array"), build_csr),
    **dict.fromkeys(names_of("scipy.sparse.coo scipy.sparse._coo", "coo_matrix coo_array"), build_coordinates),
    **dict.fromkeys(names_of("sklearn.mixture.gmm", "GMM"), _mixture),
    **dict.fromkeys(
        names_of(
            "sklearn.mixture.gaussian_mixture sklearn.mixture._gaussian_mixture sklearn.mixture", "GaussianMixture"
        ),
        _mixture,
    ),
    **dict.fromkeys(
        names_of("sklearn.mixture.bayesian_mixture sklearn.mixture._bayesian_mixture", "BayesianGaussianMixture"),
        _mixture,
    ),
    **dict.fromkeys(CHUMPY_OPERATIONS, evaluate_chumpy),
}
_PLAIN_CLASSES = frozenset(_PLAIN_BUILDERS)
"""Ordinary classes: an empty object plus a dict of attributes."""

_BUILDERS: dict[str, Builder] = {
    **_PLAIN_BUILDERS,
    **dict.fromkeys(names_of("numpy.core.multiarray numpy._core.multiarray", "_reconstruct"), build_array),
    **dict.fromkeys(names_of("numpy.core.numeric numpy._core.numeric", "_frombuffer"), build_array_from_buffer),
    **dict.fromkeys(names_of("numpy.core.multiarray numpy._core.multiarray", "scalar"), build_number),
    **dict.fromkeys(names_of("numpy", "dtype"), build_dtype),
    **dict.fromkeys(WRAPPERS, build_attached),
    **dict.fromkeys(names_of("torch._utils", "_rebuild_tensor _rebuild_tensor_v2"), build_tensor),
    **dict.fromkeys(names_of("torch._utils", "_rebuild_parameter"), build_parameter),
    **dict.fromkeys(names_of("torch.storage", "_load_from_bytes"), _storage),
    **dict.fromkeys(names_of("_codecs", "encode"), _encoded),
    **dict.fromkeys(names_of("__builtin__ builtins", "bytes"), _empty_bytes),
    **dict.fromkeys(names_of("copy_reg copyreg", "_reconstructor"), _reconstructed),
    **dict.fromkeys(names_of("__builtin__ builtins", "set frozenset"), _set),
    **dict.fromkeys(names_of("collections", "OrderedDict"), _ordered_dict),
    **dict.fromkeys(names_of("numpy.random numpy.random._pickle", "__RandomState_ctor __randomstate_ctor"), _nothing),
    **dict.fromkeys(names_of("numpy.random._pickle", "__bit_generator_ctor __generator_ctor"), _nothing),
    **dict.fromkeys(names_of("numpy.random._mt19937", "MT19937"), _nothing),
    **dict.fromkeys(names_of("numpy.random.mtrand", "RandomState"), _nothing),
    **dict.fromkeys(names_of("numpy.random.bit_generator", "SeedSequence"), _nothing),
}
