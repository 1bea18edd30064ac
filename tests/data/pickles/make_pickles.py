"""Write the pickles of this folder: small random arrays, written by the packages that wrote SMPL's files.

Run it in this folder with Python 2.7 (numpy 1.16.6, scipy 1.2.3, chumpy 0.70, scikit-learn 0.18.2), then with
Python 3.10 (numpy 1.23.5, scipy 1.11.4, chumpy 0.70, scikit-learn 1.2.2). The values go beside them, as .npz archives.
"""
# ruff: noqa: UP032, RUF005 (Python 2 has to read this)
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import pickle
import sys

import chumpy as ch
import numpy as np
import scipy.sparse as sp
from sklearn.mixture import GaussianMixture

VERSION = "py" + str(sys.version_info[0])
NUM_VERTICES = 4
RNG = np.random.RandomState(0)


def smpl_like():
    num_joints = 24
    regressor = RNG.rand(num_joints, NUM_VERTICES)
    weights = RNG.rand(NUM_VERTICES, num_joints)
    arrays = {
        "v_template": RNG.normal(0, 0.4, (NUM_VERTICES, 3)),
        "shapedirs": RNG.normal(0, 0.01, (NUM_VERTICES, 3, 10)),
        "posedirs": RNG.normal(0, 0.01, (NUM_VERTICES, 3, 9 * (num_joints - 1))),
        "J_regressor": regressor / regressor.sum(axis=1, keepdims=True),
        "weights": weights / weights.sum(axis=1, keepdims=True),
        "f": np.array([[0, 1, 2], [1, 2, 3]], np.uint32),
        "kintree_table": np.array([[2**32 - 1] + list(range(num_joints - 1)), range(num_joints)], np.uint32),
    }
    more_directions = np.concatenate([arrays["shapedirs"], RNG.rand(NUM_VERTICES, 3, 2)], axis=2)
    pickled = dict(arrays)
    pickled["v_template"] = ch.array(arrays["v_template"])
    pickled["shapedirs"] = ch.array(more_directions)[:, :, :10]
    pickled["weights"] = ch.array(arrays["weights"])
    pickled["J_regressor"] = sp.csc_matrix(arrays["J_regressor"])
    pickled["J_regressor_prior"] = sp.csc_matrix(arrays["J_regressor"])
    pickled["J"] = arrays["J_regressor"].dot(arrays["v_template"])
    pickled["vert_sym_idxs"] = np.arange(NUM_VERTICES)
    pickled["bs_style"] = "lbs"
    pickled["bs_type"] = "lrotmin"
    return pickled, arrays


def expressions():
    x = ch.array(RNG.rand(2, 3, 4))
    y = ch.array(RNG.rand(2, 3, 4))
    return {
        "plain": x,
        "select": x[:, :, :2],
        "select_rows": x[np.array([1, 0])],
        "select_of_select": x[:, 1:][..., 0],
        "ravel": x.ravel(),
        "reshape": x.reshape((6, 4)),
        "transpose": x.T,
        "transpose_axes": ch.transpose(x, (1, 0, 2)),
        "swapaxes": ch.swapaxes(x, 0, 1),
        "rollaxis": ch.rollaxis(x, 2),
        "concatenate": ch.concatenate([x[0], y[1]], axis=1),
        "vstack": ch.vstack([x[0, 0], y[1, 1]]),
        "add": x + y,
        "add_number": x + 1,
        "subtract": x - y,
        "multiply": 3 * x * y,
        "divide": x / y,
        "power": x**2,
        "negative": -x,
        "absolute": ch.absolute(-x),
        "sqrt": ch.sqrt(x),
        "square": ch.square(x),
        "exp": ch.exp(x),
        "log": ch.log(x),
        "reciprocal": ch.reciprocal(x),
        "maximum": ch.maximum(x, y),
        "minimum": ch.minimum(x, y),
        "sum": ch.sum(x),
        "sum_of_axis": ch.sum(x, axis=1),
        "mean": ch.mean(x, axis=0),
        "dot": x.reshape((6, 4)).dot(y.reshape((4, 6))),
        "dot_vector": x.reshape((6, 4)).dot(y[0, 0]),
        "matrix_times_vector": ch.MatVecMult(sp.csc_matrix(RNG.rand(5, 24)), x.ravel()),
    }


def sparse_matrices():
    dense = RNG.rand(4, 7) * (RNG.rand(4, 7) > 0.6)
    return {"csc": sp.csc_matrix(dense), "csr": sp.csr_matrix(dense), "coo": sp.coo_matrix(dense)}, dense


def mixtures():
    samples = np.concatenate([RNG.normal(-2, 1, (50, 3)), RNG.normal(2, 0.5, (50, 3))])
    fitted = GaussianMixture(n_components=2, random_state=np.random.RandomState(0)).fit(samples)
    if VERSION == "py2":
        from sklearn.mixture import GMM

        return {"new": fitted, "old": GMM(n_components=2, covariance_type="full").fit(samples)}
    return {"new": fitted}


def plain():
    return {
        "float64": RNG.rand(3, 2),
        "float32": RNG.rand(3, 2).astype(np.float32),
        "fortran": np.asfortranarray(RNG.rand(3, 2)),
        "big_endian": RNG.rand(3).astype(">f8"),
        "uint32": np.array([0, 2**32 - 1], np.uint32),
        "bool": np.array([True, False]),
        "scalar": np.array(1.5),
        "empty": np.zeros((0, 3)),
        "text": np.array(["left", "right"]),
    }


def write(name, value, protocol):
    with open("{}_{}_protocol{}.pkl".format(name, VERSION, protocol), "wb") as stream:
        pickle.dump(value, stream, protocol=protocol)


body, body_values = smpl_like()
nodes = expressions()
matrices, matrix_values = sparse_matrices()
fitted_mixtures = mixtures()
arrays = plain()
for protocol in (0, 2):
    if protocol == 2 or VERSION == "py2":  # in text form it is large
        write("smpl", body, protocol)
    write("expressions", nodes, protocol)
    write("sparse", matrices, protocol)
    write("mixture", fitted_mixtures, protocol)
    write("plain", arrays, protocol)
np.savez_compressed("smpl_" + VERSION + ".npz", **body_values)
np.savez_compressed("expressions_" + VERSION + ".npz", **{name: node.r for name, node in nodes.items()})
np.savez_compressed("sparse_" + VERSION + ".npz", dense=matrix_values)
np.savez_compressed("plain_" + VERSION + ".npz", **arrays)
np.savez_compressed(
    "mixture_" + VERSION + ".npz",
    means=fitted_mixtures["new"].means_,
    covariances=fitted_mixtures["new"].covariances_,
    weights=fitted_mixtures["new"].weights_,
)
