"""The published recipes end to end: what they promise, on people with known truth."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest
from golden_profiles import GOLDEN, PARAMETERS, fit_example
from people import IMAGE_SIZE, draw_people

from smplify_jax import PROFILES, BodyParameters, FitStatus, InputError, fit, get_layout, load_body
from smplify_jax.fitting.starts import turned_around
from smplify_jax.geometry.metrics import pa_mpjpe
from smplify_jax.geometry.rotations import exp_so3
from smplify_jax.keypoints.subsets import KEYPOINT_SUBSETS, subset_weights, torso_rows
from smplify_jax.solver.adam import AdamOptions
from smplify_jax.terms.objective import TERM_NAMES

NUM_PEOPLE = 12
LAYOUT = "openpose25"
"""That of the packaged example, so that the programs are the same."""
PAPER, SPIN, PLAIN = PROFILES["smplify2016"], PROFILES["spin"], PROFILES["plain"]

every_recipe = pytest.mark.parametrize("profile", [PAPER, SPIN, PLAIN], ids=lambda profile: profile.name)


@pytest.fixture(scope="module")
def people():
    return draw_people(NUM_PEOPLE, LAYOUT)


def fit_people(keypoints, people, **options):
    defaults = {"layout": LAYOUT, "image_size": IMAGE_SIZE, "camera": people.focal_length}
    return fit(keypoints, **{**defaults, **options})


def pa_errors(result, people):
    """(N,) [mm]."""
    pairs = zip(result.joints, people.joints, strict=True)
    return np.array([1000 * pa_mpjpe(np.asarray(ours), true) for ours, true in pairs])


@pytest.fixture(scope="module")
def results(people):
    recipes = {"smplify2016": {}, "spin": {"num_starts": 4}, "plain": {}}
    return {name: fit_people(people.keypoints, people, profile=name, **options) for name, options in recipes.items()}


@pytest.fixture(scope="module")
def spin_from_one_side(people):
    return fit_people(people.keypoints, people, profile=SPIN)


@every_recipe
def test_everything_is_float32_and_finite(results, profile):
    result = results[profile.name]
    assert {leaf.dtype for leaf in jax.tree.leaves(result)} <= {np.dtype(np.float32), np.dtype(np.int32)}
    for leaf in jax.tree.leaves((result.parameters, result.joints, result.cost, result.cost_by_term)):
        assert np.isfinite(leaf).all()


@every_recipe
def test_known_people_are_recovered_when_nothing_is_detected_wrong(people, results, profile):
    result = results[profile.name]
    assert all(status.is_usable for status in result.statuses())
    # 35 to 45 mm is what one view leaves open to these weights.
    assert np.median(pa_errors(result, people)) < 60
    error = np.asarray(result.reprojection_error_px) / people.height_px[:, None]
    assert np.median(error) < 0.03


def test_costs_by_round_end_with_the_costs_by_term(results):
    num_rounds = {"smplify2016": 5, "plain": 4, "spin": 2}
    for name, result in results.items():
        costs = np.asarray(result.round_costs)
        assert costs.shape[1:] == (num_rounds[name], len(TERM_NAMES))
        np.testing.assert_array_equal(
            costs[:, -1], np.stack([result.cost_by_term[term] for term in TERM_NAMES], axis=1)
        )
    # The first round only places the body, and then the pose pays for its prior.
    pose_prior = np.asarray(results["smplify2016"].round_costs)[:, :, TERM_NAMES.index("pose_prior")]
    assert np.all(pose_prior[:, 0] == 0)
    assert np.all(pose_prior[:, 1:] > 0)


def test_adam_takes_all_its_steps_and_claims_no_convergence(results):
    assert set(results["spin"].statuses()) == {FitStatus.STEP_LIMIT}
    np.testing.assert_array_equal(results["spin"].num_steps, 200)


@every_recipe
def test_scaling_picture_keypoints_and_focal_length_changes_nothing(people, results, profile):
    keypoints = people.keypoints * np.array([4, 4, 1], np.float32)
    size = (4 * IMAGE_SIZE[0], 4 * IMAGE_SIZE[1])
    starts = 4 if profile is SPIN else None
    large = fit_people(
        keypoints, people, image_size=size, camera=4 * people.focal_length, profile=profile, num_starts=starts
    )
    result = results[profile.name]
    # A factor of four is exact in floating point, so even the rounding is the same.
    np.testing.assert_allclose(large.joints, result.joints, atol=1e-4)
    np.testing.assert_allclose(large.cost, result.cost, rtol=1e-3)


def test_without_a_camera_the_focal_length_is_the_published_one(people):
    cameras = {p.name: fit_people(people.keypoints, people, camera=None, profile=p).camera for p in (PAPER, SPIN)}
    np.testing.assert_array_equal(cameras["smplify2016"].focal_length, 5000.0)
    box = np.ptp(people.keypoints[..., :2], axis=1).max(axis=1)
    # The person's box fills 1 / 1.2 of a crop of 224 px, in which the focal length is 5000 px.
    np.testing.assert_allclose(cameras["spin"].focal_length[:, 0], 5000 * box / (224 / 1.2), rtol=1e-5)


@pytest.fixture(scope="module")
def placed(people):
    """Everybody after the paper's camera round alone."""
    placing = replace(PAPER, camera=(), refine=PAPER.camera, side_view_px=None)
    return fit_people(people.keypoints, people, profile=placing)


def test_the_translation_stays_where_the_camera_round_put_it(results, placed):
    # Another program rounds differently, and the search for the place ends at a relative gain of 1e-4.
    np.testing.assert_allclose(results["smplify2016"].transl, placed.transl, rtol=2e-3, atol=2e-3)
    assert np.abs(np.asarray(results["smplify2016"].body_pose)).max() > 0.1


def test_the_camera_round_moves_the_body_as_a_whole(placed):
    assert not np.asarray(placed.body_pose).any()
    assert not np.asarray(placed.betas).any()


def test_people_seen_from_the_side_get_the_orientation_of_lower_data_energy(people, placed):
    # With the orientation held, a body that faces the wrong way stays wrong, and its energy tells.
    held = tuple(replace(one, frees_global_orient=0.0) for one in PAPER.refine[-1:])
    both_ways = replace(PAPER, camera=(), refine=held)
    as_placed = jax.tree.map(np.asarray, placed.parameters)
    turned = jax.tree.map(np.asarray, turned_around(as_placed))

    def fit_from(profile, start):
        return fit_people(people.keypoints, people, profile=profile, init=start)

    one_way = replace(both_ways, side_view_px=None)
    straight, around = (np.asarray(fit_from(one_way, start).cost_by_term["data"]) for start in (as_placed, turned))
    shoulders = torso_rows(get_layout(LAYOUT))[:2] @ people.keypoints[..., :2]
    distance = np.linalg.norm(shoulders[:, 0] - shoulders[:, 1], axis=-1) * 300 / people.height_px
    is_side, is_frontal = distance < 20, distance > 30  # 25 px; how tall a person is in the picture is known to a tenth
    # Twice as good: programs that round differently end their searches in places whose energies differ by some percent.
    is_better_straight, is_better_around = straight < 0.5 * around, around < 0.5 * straight
    assert (is_side & is_better_around).any()
    assert (is_side & is_better_straight).any()
    assert (is_frontal & is_better_around).any()
    # Compared as matrices: near half a turn an axis-angle vector and its negative are almost the same rotation.
    chosen = exp_so3(fit_from(both_ways, as_placed).global_orient)
    stays, turns = is_frontal | (is_side & is_better_straight), is_side & is_better_around
    for goes_on, start in ((stays, as_placed), (turns, turned)):
        expected = exp_so3(np.asarray(start.global_orient))
        # A held orientation is still composed with the identity in every step, which rounds.
        np.testing.assert_allclose(np.asarray(chosen)[goes_on], np.asarray(expected)[goes_on], atol=1e-3)


def test_spin_starts_from_init_and_leaves_it_as_it_is(people, spin_from_one_side):
    rng = np.random.default_rng(0)
    near = {name: value + np.float32(rng.normal(0, 0.02, value.shape)) for name, value in people.parameters.items()}
    given = {name: value.copy() for name, value in near.items()}
    for array in given.values():
        array.setflags(write=False)
    start = BodyParameters(**given)
    result = fit_people(people.keypoints, people, profile=SPIN, init=start)
    assert np.median(pa_errors(result, people)) < 0.7 * np.median(pa_errors(spin_from_one_side, people))
    # A step of Adam changes no unknown by much more than its learning rate.
    assert np.abs(np.asarray(result.body_pose) - near["body_pose"]).max() < 2.0
    for name, value in near.items():
        np.testing.assert_array_equal(getattr(start, name), value)
    no_steps = AdamOptions(num_steps=0)
    camera, refine = (tuple(replace(one, solver=no_steps) for one in phase) for phase in (SPIN.camera, SPIN.refine))
    unmoved = fit_people(people.keypoints, people, profile=replace(SPIN, camera=camera, refine=refine), init=start)
    for name in ("body_pose", "betas", "transl"):
        np.testing.assert_array_equal(getattr(unmoved, name), near[name])


@every_recipe
def test_the_callers_keypoints_are_not_written(people, profile):
    keypoints = people.keypoints.copy()
    keypoints[0, 2, 2], keypoints[1, 3] = -1.0, np.nan
    before = keypoints.copy()
    keypoints.setflags(write=False)
    fit_people(keypoints, people, profile=profile, num_starts=4 if profile is SPIN else None)
    np.testing.assert_array_equal(keypoints, before)


@every_recipe
def test_one_bad_person_changes_no_bit_of_the_others(people, results, profile):
    keypoints = people.keypoints.copy()
    keypoints[3] = np.nan
    bad = fit_people(keypoints, people, profile=profile, num_starts=4 if profile is SPIN else None)
    others = [i for i in range(NUM_PEOPLE) if i != 3]
    for ours, theirs in zip(jax.tree.leaves(results[profile.name]), jax.tree.leaves(bad), strict=True):
        np.testing.assert_array_equal(ours[np.array(others)], theirs[np.array(others)])
    assert bad.statuses()[3] is FitStatus.TOO_FEW_KEYPOINTS


def test_four_starts_keep_the_one_of_least_energy(results, spin_from_one_side):
    four, one = np.asarray(results["spin"].cost), np.asarray(spin_from_one_side.cost)
    # The first of four starts is the one of one; another program's rounding grows over 200 steps.
    assert np.all(four <= 1.02 * one)
    assert four.mean() < 0.9 * one.mean()


@every_recipe
def test_people_without_hips_are_fitted(people, profile):
    keypoints = people.keypoints.copy()
    unseen = [k for k, n in enumerate(get_layout(LAYOUT).keypoint_names) if n.endswith(("hip", "knee", "ankle"))]
    keypoints[:, unseen] = 0.0
    result = fit_people(keypoints, people, profile=profile, num_starts=4 if profile is SPIN else None)
    assert all(status.is_usable for status in result.statuses())
    assert np.isfinite(np.asarray(result.joints)).all()


@every_recipe
def test_the_example_is_fitted_as_it_always_was(profile):
    golden = json.loads(GOLDEN.read_text())[profile.name]
    result = fit_example(profile.name)
    # Another machine sums in another order, and hundreds of steps amplify that; the least observed numbers move most. With the XLA of JAX
    # 0.7 to 0.9 the paper's search ends elsewhere in the same valley: 4 % higher, with a joint 7 cm off at 17 m.
    is_as_recorded = jax.__version_info__ >= (0, 10)
    cost, pose, betas = (5e-3, 0.05, 0.1) if is_as_recorded else (0.05, 0.25, 0.15)
    np.testing.assert_allclose(result.cost, golden["cost"], rtol=cost)
    body = load_body()
    stored = {name: np.array(golden[name], np.float32) for name in PARAMETERS}
    np.testing.assert_allclose(result.joints, body.joints(**stored), atol=0.01 * float(result.transl[2]))
    np.testing.assert_allclose(result.body_pose, stored["body_pose"], atol=pose)
    np.testing.assert_allclose(result.betas, stored["betas"], atol=betas)


def test_the_message_for_an_unknown_profile_lists_all():
    with pytest.raises(InputError) as caught:
        fit(np.zeros((1, 25, 3)), layout=LAYOUT, image_size=IMAGE_SIZE, profile="smplify")
    assert all(name in str(caught.value) for name in PROFILES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"refine": ()}, "no refining round"),
        ({"refine": (*PAPER.refine, *SPIN.refine)}, "different solvers"),
        ({"refine": (replace(PAPER.refine[0], keypoints="feet"),)}, "'feet'"),
        ({"refine": (replace(PAPER.refine[0], keypoints=np.ones(5)),)}, r"\(5,\)"),
    ],
)
def test_a_profile_that_cannot_be_run_is_refused_in_one_sentence(change, message):
    with pytest.raises(InputError, match=message) as caught:
        fit(np.zeros((1, 25, 3)), layout=LAYOUT, image_size=IMAGE_SIZE, profile=replace(PAPER, **change))
    assert "\n" not in str(caught.value)


def test_a_profile_cannot_compare_by_a_term_that_there_is_not():
    with pytest.raises(InputError, match="beauty"):
        replace(PAPER, compared_terms=("beauty",))


def test_the_subsets_of_lsp_and_openpose_are_the_published_ones():
    def names(layout, subset):
        layout = get_layout(layout)
        chosen = subset_weights(layout, subset) > 0
        return {name for name, is_chosen in zip(layout.keypoint_names, chosen, strict=True) if is_chosen}

    torso = {"left_shoulder", "right_shoulder", "left_hip", "right_hip"}
    hips = {"left_hip", "right_hip"}
    for layout in ("lsp14", "openpose25"):
        everything = names(layout, "all")
        assert everything == set(get_layout(layout).keypoint_names)
        assert names(layout, "torso") == torso
        between = {"neck", "mid_hip"} & everything
        assert names(layout, "smpl joints") == everything - hips - between
    # LSP's neck is a point of the neck; OpenPose's is the middle between the shoulders.
    assert names("lsp14", "no hips, no neck") == names("lsp14", "all") - hips
    assert names("openpose25", "no hips, no neck") == names("openpose25", "all") - hips - {"neck"}
    # Hips of motion capture are the joints themselves.
    assert hips <= names("h36m17", "no hips, no neck")


@pytest.mark.parametrize("subset", KEYPOINT_SUBSETS)
def test_every_subset_has_as_much_of_the_left_as_of_the_right(subset):
    for name in ("spin49", "coco17", "halpe26", "mpii16"):
        weights = subset_weights(get_layout(name), subset)
        np.testing.assert_array_equal(weights, weights[list(get_layout(name).flip)])
        assert weights.any()
