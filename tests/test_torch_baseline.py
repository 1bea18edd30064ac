"""The torch baseline of the speed benchmark gives the same fits as with smplx's forward pass."""

import pytest
from test_parity_smplx import arrays_of, smplx_twin

from benchmarks.draw import draw_keypoints
from smplify_jax import load_body

torch = pytest.importorskip("torch", reason="needs the extra smplx")
pytest.importorskip("smplx", reason="needs the extra smplx")
pytestmark = pytest.mark.smplx

NUM_PEOPLE, NUM_STEPS = 3, 25
NAMES = ("betas", "global_orient", "body_pose", "transl")


@pytest.fixture(scope="module")
def body():
    return load_body(num_betas=10)


@pytest.fixture(scope="module")
def forward_of_smplx(body, tmp_path_factory):
    twin = smplx_twin(arrays_of(body), tmp_path_factory.mktemp("smplx") / "open.npz")

    def forward(**parameters):
        posed = twin(**parameters)
        return posed.vertices, posed.joints[:, : body.num_joints]

    return forward


def parameters_of(seed, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    sizes = dict(zip(NAMES, (10, 3, 69, 3), strict=True))
    return {
        name: (scale * torch.randn(NUM_PEOPLE, size, generator=generator)).requires_grad_(True)
        for name, size in sizes.items()
    }


@pytest.mark.parametrize("scale", [1.0, 0.0], ids=["posed", "at rest"])
def test_its_forward_pass_and_derivatives_are_smplxs(body, forward_of_smplx, scale):
    from benchmarks.lean_smpl import LeanSmpl

    found = []
    for forward in (LeanSmpl(body), forward_of_smplx):
        parameters = parameters_of(1, scale)
        vertices, joints = forward(**parameters)
        weights = torch.linspace(-1, 1, vertices.numel()).view_as(vertices)
        ((weights * vertices).sum() + joints.square().sum()).backward()
        found.append((vertices, joints, *(parameters[name].grad for name in NAMES)))
    for ours, theirs in zip(*found, strict=True):
        # float32: 1e-7 of a coordinate of some metres, times the chain of products; derivatives are summed over 6,890 vertices.
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * float(theirs.detach().abs().max()))


def test_a_step_of_the_orientation_alone_has_the_same_derivatives(body):
    from benchmarks.lean_smpl import LeanSmpl

    grads = []
    for frees_all in (True, False):
        parameters = parameters_of(2)
        if not frees_all:
            parameters |= {name: parameters[name].detach() for name in ("betas", "body_pose")}
        LeanSmpl(body)(**parameters)[0].square().sum().backward()
        grads.append([parameters[name].grad for name in ("global_orient", "transl")])
    torch.testing.assert_close(*grads, rtol=1e-5, atol=1e-2)  # of sums of 6,890 squares of some metres


def test_its_fits_are_those_made_through_smplx(forward_of_smplx):
    from benchmarks.torch_baseline import SpinRecipe, with_threads

    people = draw_keypoints("coco17", NUM_PEOPLE)
    with with_threads(1):
        lean, theirs = (
            SpinRecipe("coco17", forward).fit(*people, num_steps=NUM_STEPS) for forward in (None, forward_of_smplx)
        )
    for name in NAMES:
        # Steps of Adam from the same start; its first steps go by the sign of a derivative, which rounding may turn near zero.
        torch.testing.assert_close(lean[name], theirs[name], rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(lean["keypoints_px"], theirs["keypoints_px"], rtol=0, atol=0.05)


def test_threads_are_given_back():
    from benchmarks.torch_baseline import with_threads

    before = torch.get_num_threads()
    with with_threads(1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
