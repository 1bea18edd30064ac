import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse

from smplify_jax.errors import InputError
from smplify_jax.files.safe_pickle import load_pickle, parse_pickle

PICKLES = Path(__file__).parent / "data" / "pickles"

# Written by real Python 2.7 with numpy 1.16 and scipy 1.2, and by Python 3.10; see make_pickles.py.
WRITERS = [(version, protocol) for version in ("py2", "py3") for protocol in (0, 2)]


def written_by(kind, version, protocol) -> Any:
    return load_pickle(PICKLES / f"{kind}_{version}_protocol{protocol}.pkl")


def values_of(kind, version):
    with np.load(PICKLES / f"{kind}_{version}.npz", allow_pickle=False) as archive:
        return dict(archive)


@pytest.mark.parametrize(("version", "protocol"), WRITERS)
def test_every_chumpy_expression_has_the_value_chumpy_gave_it(version, protocol):
    nodes, values = written_by("expressions", version, protocol), values_of("expressions", version)
    assert nodes.keys() == values.keys()
    for name, value in values.items():
        assert nodes[name].shape == value.shape, name
        # Another numpy worked these out: exp, log and sums may differ in the last bits.
        np.testing.assert_allclose(nodes[name], value, rtol=1e-14, err_msg=name)


@pytest.mark.parametrize(("version", "protocol"), WRITERS)
def test_plain_arrays_of_every_kind_are_read(version, protocol):
    arrays, values = written_by("plain", version, protocol), values_of("plain", version)
    for name, value in values.items():
        assert arrays[name].shape == value.shape
        assert arrays[name].dtype.newbyteorder("=") == arrays[name].dtype
        np.testing.assert_array_equal(arrays[name].astype(str), value.astype(str), err_msg=name)


@pytest.mark.parametrize(("version", "protocol"), WRITERS)
def test_scipy_matrices_are_read_under_old_module_paths(version, protocol):
    matrices, dense = written_by("sparse", version, protocol), values_of("sparse", version)["dense"]
    for name, matrix in matrices.items():
        assert scipy.sparse.issparse(matrix)
        assert matrix.format == name
        np.testing.assert_array_equal(matrix.toarray(), dense)


@pytest.mark.parametrize(("version", "protocol"), WRITERS)
def test_a_mixture_of_scikit_learn_becomes_its_attributes(version, protocol):
    mixtures, values = written_by("mixture", version, protocol), values_of("mixture", version)
    np.testing.assert_array_equal(mixtures["new"]["means_"], values["means"])
    np.testing.assert_array_equal(mixtures["new"]["covariances_"], values["covariances"])
    np.testing.assert_array_equal(mixtures["new"]["weights_"], values["weights"])
    if version == "py2":
        assert mixtures["old"]["covars_"].shape == (2, 3, 3)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_what_this_numpy_and_scipy_write_is_read(protocol):
    rng = np.random.default_rng(0)
    dense = rng.random((5, 4))
    written = {
        "array": dense,
        "fortran": np.asfortranarray(dense),
        "strided": dense[::2, ::-1],
        "number": np.float32(2.5),
        "csc": scipy.sparse.csc_matrix(dense),
        "csc_array": scipy.sparse.csc_array(dense),
        "coo_array": scipy.sparse.coo_array(dense),
        "objects": np.array([None, "text", {"part": 3}], object),
        "nested": [1, 2.5, True, None, b"\xff", "Ω", (1, {2}), 2**80, -1],
    }
    read = parse_pickle(pickle.dumps(written, protocol), "test")
    assert isinstance(read, dict)
    for name in ("array", "fortran", "strided", "number"):
        np.testing.assert_array_equal(read[name], written[name])
    for name in ("csc", "csc_array", "coo_array"):
        np.testing.assert_array_equal(read[name].toarray(), dense)
    assert read["objects"].tolist() == written["objects"].tolist()
    assert read["nested"] == written["nested"]


def test_what_this_scikit_learn_writes_is_read():
    mixture = pytest.importorskip("sklearn.mixture", reason="needs the test extra").GaussianMixture
    samples = np.random.default_rng(0).random((50, 3))
    fitted = mixture(2, random_state=np.random.RandomState(0)).fit(samples)
    read = parse_pickle(pickle.dumps(fitted), "test")
    assert isinstance(read, dict)
    np.testing.assert_array_equal(read["means_"], fitted.means_)


class Calls:
    """An object whose pickle calls a function with arguments."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


@pytest.fixture
def victim(tmp_path):
    """A file whose removal would show that a pickle was executed."""
    path = tmp_path / "victim"
    path.write_text("still here")
    return path


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    ("function", "args", "name"),
    [
        (os.system, ("rm {victim}",), r"(posix|nt)\.system"),
        (os.remove, ("{victim}",), r"(posix|nt)\.(remove|unlink)"),
        (eval, ("__import__('os').remove({victim!r})",), r"(builtins|__builtin__)\.eval"),
        (exec, ("import os; os.remove({victim!r})",), r"(builtins|__builtin__)\.exec"),
        (getattr, ("os", "system"), r"builtins\.getattr|__builtin__\.getattr"),
        (__import__, ("os",), r"__import__"),
        (np.load, ("{victim}", None, True), r"numpy(\.lib\S*)?\.load"),
        (np.fromfile, ("{victim}",), r"numpy\.\S*fromfile"),
        (pickle.loads, (b"cos\nsystem\n(S'rm {victim}'\ntR.",), r"pickle\.loads"),
    ],
)
def test_a_pickle_that_calls_anything_is_refused_by_name_and_calls_nothing(protocol, function, args, name, victim):
    filled = tuple(arg.format(victim=str(victim)) if isinstance(arg, str) else arg for arg in args)
    path = victim.with_name("evil.pkl")
    path.write_bytes(pickle.dumps({"v_template": Calls(function, *filled)}, protocol))
    with pytest.raises(InputError, match=name) as caught:
        load_pickle(path)
    assert str(path) in str(caught.value)
    assert "nothing was executed" in str(caught.value)
    assert victim.read_text() == "still here"


@pytest.mark.parametrize(
    "gadget",
    [
        pytest.param(b"cos\nsystem\n0N.", id="named and never called"),
        pytest.param(b"(S'rm {victim}'\nios\nsystem\n.", id="old-style instance"),
        pytest.param(b"(cos\nsystem\nS'rm {victim}'\no.", id="old-style object"),
        pytest.param(b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x0brm {victim}\x85R.", id="name from the stack"),
        pytest.param(b"\x80\x02cbuiltins\nexec\n(S'1'\nt}\x92.", id="with keywords"),
        pytest.param(b"ccopy_reg\n_reconstructor\n(cos\nsystem\nc__builtin__\nobject\nNtR.", id="reconstructor"),
        pytest.param(b"cnumpy.core.multiarray\n_reconstruct\n(cos\nsystem\n(I0\ntS'b'\ntR.", id="array of a class"),
        pytest.param(b"cnumpy\nndarray.__reduce__\n.", id="dotted name"),
        pytest.param(b"c__main__\nvictim\n.", id="the main module"),
        pytest.param(b"cnumpy.testing._private.utils\nrunstring\n(S'1'\n}tR.", id="numpy function that executes"),
        pytest.param(b"csmplify_jax.files.safe_pickle\nload_pickle\n(S'{victim}'\ntR.", id="our own function"),
        pytest.param(b"cchumpy.ch\nChLambda\n)\x81.", id="chumpy class that holds code"),
    ],
)
def test_classes_in_any_guise_are_refused(gadget, victim):
    with pytest.raises(InputError, match=r"asks for"):
        parse_pickle(gadget.replace(b"{victim}", str(victim).encode()), "evil.pkl")
    assert victim.read_text() == "still here"


@pytest.mark.parametrize(
    "gadget",
    [
        pytest.param(b"cnumpy\nndarray\n(I9999999999\ntR.", id="array class as a function"),
        pytest.param(b"cnumpy\nndarray\n.", id="class as the value"),
        pytest.param(b"cnumpy\ndtype\n(dS'x'\nI1\nsb.", id="state of a class"),
        pytest.param(b"cnumpy\ndtype\nN(dS'__setstate__'\nNst\x86b.", id="slots of a class"),
        pytest.param(b"cnumpy.core.multiarray\n_reconstruct\n(cchumpy.ch\nCh\n(I0\ntS'b'\ntR.", id="array of chumpy"),
        pytest.param(b"cnumpy.core.multiarray\n_reconstruct\n(S'os.system'\n(I0\ntS'b'\ntR.", id="array of a name"),
        pytest.param(b"ccopy_reg\n_reconstructor\n(cnumpy\ndtype\nc__builtin__\nobject\nNtR.", id="object of a dtype"),
        pytest.param(b"c_codecs\nencode\n(S'x'\nS'rot13'\ntR.", id="another codec"),
        pytest.param(b"(lp0\ng0\na.", id="list in itself"),
        pytest.param(b"S'a'\n)R.", id="a string called"),
        pytest.param(b"cnumpy\ndtype\n(S'f8'\ntR)R.", id="an object called"),
        pytest.param(b"Pos.system\n.", id="persistent id in text"),
        pytest.param(b"\x80\x02U\x01xQ.", id="persistent id"),
        pytest.param(b"\x80\x02\x82\x01.", id="extension code 1"),
        pytest.param(b"\x80\x02\x84\x01\x00\x00\x00.", id="extension code 4"),
        pytest.param(b"\x80\x05\x97.", id="out-of-band buffer"),
        pytest.param(b"\x80\x09N.", id="protocol 9"),
        pytest.param(b"0.", id="pop of nothing"),
        pytest.param(b"(.", id="mark as the value"),
        pytest.param(b"g7\n.", id="memo never set"),
        pytest.param(b"r\xff\xff\xff\xff.", id="memo of nothing"),
    ],
)
def test_malformed_requests_are_refused(gadget):
    with pytest.raises(InputError, match=r"evil\.pkl"):
        parse_pickle(gadget, "evil.pkl")
