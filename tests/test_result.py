"""A result as people use it: a sequence, shown in a line, compared, copied and sent to other processes."""

import copy
import multiprocessing
import pickle
import re
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bodies import random_body
from dataset_fits import draw_fits

from smplify_jax.body.load import shipped_body
from smplify_jax.errors import InputError
from smplify_jax.result import FitResult, FitStatus

NUM_PEOPLE = 4
PICKLE_BYTES = 20_000
"""A person's numbers take 3 kB; a body takes 20 MB."""


@pytest.fixture(scope="module")
def result() -> FitResult:
    """Four people, the last not fitted."""
    return jax.tree.map(jnp.asarray, draw_fits(NUM_PEOPLE, num_failed=1)[1])


@pytest.fixture(scope="module")
def other_body():
    return random_body()


# --- a sequence of people


def test_a_loop_meets_every_person_once(result):
    people = list(result)
    assert len(people) == len(result) == NUM_PEOPLE
    assert all(person == result[index] for index, person in enumerate(people))
    assert not any(person.is_batched for person in people)
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(people[0]))


def test_one_person_without_a_leading_axis_is_a_sequence_of_one(result):
    person = result[2]
    assert len(person) == 1
    assert list(person) == [person]
    assert person[0] == person[-1] == person
    assert person[:] == result[2:3]
    with pytest.raises(IndexError, match="among 1 fitted"):
        person[1]


def test_a_person_keeps_the_kind_of_every_array(result):
    on_host = jax.tree.map(np.asarray, result)[1]
    assert on_host == result[1]
    assert not any(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(on_host))


def test_a_person_is_taken_by_one_program(result):
    assert len(jax.make_jaxpr(lambda batch: jax.tree.leaves(batch[1]))(result).eqns) == 1


def test_nobody_is_an_empty_sequence(result):
    nobody = result[:0]
    assert (len(nobody), list(nobody), nobody.statuses()) == (0, [], [])
    with pytest.raises(IndexError, match="among 0 fitted"):
        nobody[0]


@pytest.mark.parametrize(
    ("index", "people"),
    [
        (-1, 3),
        (np.int64(1), 1),
        (jnp.asarray(2), 2),
        (slice(1, None), [1, 2, 3]),
        (slice(None, None, -2), [3, 1]),
        (slice(2, 99), [2, 3]),
        ([0, -1, 0], [0, 3, 0]),
        (np.array([2, 1]), [2, 1]),
        (jnp.array([2, 1]), [2, 1]),
        ([True, False, True, False], [0, 2]),
        (jnp.array([False, True, True, False]), [1, 2]),
        ([], []),
    ],
)
def test_people_are_indexed_as_numpy_indexes_an_axis(result, index, people):
    chosen = result[index]
    assert chosen.is_batched == isinstance(people, list)
    np.testing.assert_array_equal(chosen.transl, np.asarray(result.transl)[people])
    np.testing.assert_array_equal(chosen.camera.focal_length, np.asarray(result.camera.focal_length)[people])


@pytest.mark.parametrize(
    "index",
    [
        *(4, -5, 7, 1.0, "1", None, True, (0, 1), slice("a", "b")),
        *([0, 4], [True] * 3, np.array([-5]), jnp.array([1, 9]), np.ones(5, bool), np.zeros((2, 2), int)),
    ],
    ids=str,
)
def test_whoever_is_not_there_is_an_index_error(result, index):
    with pytest.raises(IndexError, match="among 4 fitted people"):
        result[index]


def test_a_traced_function_indexes_and_iterates(result):
    @jax.jit
    def of_traced(result, at):
        return result[at].transl, result[-1].transl, sum(person.transl for person in result[:2])

    at, last, both = of_traced(result, 1)
    np.testing.assert_array_equal(at, result.transl[1])
    np.testing.assert_array_equal(last, result.transl[-1])
    np.testing.assert_array_equal(both, result.transl[0] + result.transl[1])
    assert jax.jit(lambda result: result)(result) == result
    assert jax.vmap(lambda person: person.betas)(result).shape == (NUM_PEOPLE, 10)


# --- shown


def test_its_representation_is_one_line(result):
    expected = "<FitResult of 4 people: 3 CONVERGED, 1 TOO_FEW_KEYPOINTS; layout 'coco17', body 'open body'>"
    assert repr(result) == str(result) == expected
    assert repr(result[0]).startswith("<FitResult of one person, no leading axis: CONVERGED;")
    assert repr(result[:1]).startswith("<FitResult of 1 person: 1 CONVERGED;")
    assert repr(result[:0]).startswith("<FitResult of 0 people;")


def test_it_is_shown_where_it_has_no_values_or_unknown_ones(result):
    traced = []
    jax.jit(lambda result: traced.append(repr(result)) or result.betas)(result)
    assert "without values" in traced[0]
    assert "without values" in repr(jax.eval_shape(lambda result: result, result))
    assert "without values" in repr(jax.tree.map(lambda leaf: leaf.shape, result))
    assert "1 status 99" in repr(replace(result[:1], status=np.array([99])))


def _without_picture(html):
    table, num_pictures = re.subn(r'src="data:image/png;base64,[^"]+"', "", html)
    assert num_pictures == 1
    assert len(html) < 100_000
    return table


def test_a_notebook_shows_a_small_table(result):
    table = _without_picture(result._repr_html_())
    assert table.count("<tr>") == 1 + NUM_PEOPLE
    assert FitStatus.CONVERGED.sentence in table
    assert "nan" not in table.lower()
    assert result[0]._repr_html_().count("<tr>") == 2
    many = _without_picture(result[np.zeros(1000, int)]._repr_html_())
    assert "980 more" in many
    assert len(many) < 5000


def test_a_table_escapes_names(result, other_body):
    table = replace(result, layout="<script>", body=replace(other_body, name="<b>&"))._repr_html_()
    assert "<script>" not in table
    assert "<b>" not in table
    assert "&lt;script&gt;" in table


# --- compared


def test_results_are_equal_if_all_numbers_are_and_nan_equals_nan(result):
    same = jax.tree.map(lambda leaf: np.array(leaf), result)
    assert result == same
    assert (result != same) is False
    assert np.isnan(np.asarray(result.transl[3])).all()


def test_any_difference_makes_results_differ(result, other_body):
    leaves, tree = jax.tree.flatten(result)
    for number, leaf in enumerate(leaves):
        changed = [*leaves[:number], leaf.at[0].add(1), *leaves[number + 1 :]]
        assert jax.tree.unflatten(tree, changed) != result
    assert replace(result, layout="lsp14") != result
    assert replace(result, body=other_body) != result
    assert replace(result, cost_by_term={}) != result
    assert result[:2] != result
    assert result[:1] != result[0]
    assert result != "result"


def test_results_have_no_hash(result):
    with pytest.raises(TypeError, match="unhashable"):
        hash(result)


# --- copied and pickled


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_is_equal_and_has_the_same_body(result, copied):
    on_host = jax.tree.map(np.array, result)
    same = copied(on_host)
    assert same == result
    assert same.body is result.body
    assert (same.betas is on_host.betas) == (copied is copy.copy)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_leaves_the_body_out_and_finds_the_open_body_again(result, protocol):
    data = pickle.dumps(result, protocol)
    assert len(data) < PICKLE_BYTES
    same = pickle.loads(data)
    assert same == result
    assert same.body is shipped_body(10)
    np.testing.assert_array_equal(same.vertices(), result.vertices())


def test_of_another_body_everything_but_the_body_is_unpickled(result, other_body):
    fitted = replace(result, body=other_body)
    data = pickle.dumps(fitted)
    assert len(data) < PICKLE_BYTES
    same = pickle.loads(data)
    assert same == fitted
    assert pickle.loads(pickle.dumps(same))[0] == fitted[0]
    assert "body 'random'" in repr(same)
    same.to_smplx()
    for use in (FitResult.vertices, FitResult.mesh, FitResult.penetration_depth):
        with pytest.raises(InputError, match=r"without its body 'random'.*with_body"):
            use(same)
    np.testing.assert_array_equal(same.with_body(other_body).vertices(), fitted.vertices())


def test_only_the_body_that_was_fitted_is_taken_back(result, other_body):
    same = pickle.loads(pickle.dumps(replace(result, body=other_body)))
    changed = replace(other_body, v_template=np.asarray(other_body.v_template) + 1e-3)
    for wrong in (shipped_body(10), changed, random_body(num_betas=9)):
        with pytest.raises(InputError, match=r"fitted with the body 'random' of 10 betas"):
            same.with_body(wrong)
    assert result.with_body(shipped_body(10)) == result


def test_a_changed_open_body_is_not_taken_for_the_shipped_one(result):
    body = shipped_body(10)
    changed = replace(body, v_template=np.asarray(body.v_template) + np.float32(1e-3))
    same = pickle.loads(pickle.dumps(replace(result, body=changed)))
    with pytest.raises(InputError, match="with_body"):
        same.vertices()


def _in_another_process(result: FitResult) -> tuple[FitResult, np.ndarray]:
    return result[0], np.asarray(result[0].vertices())


def test_a_spawned_process_has_the_open_body_and_sends_results_back(result):
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        person, vertices = pool.apply(_in_another_process, (result,))
    assert person == result[0]
    np.testing.assert_allclose(
        vertices, result[0].vertices(), atol=1e-5
    )  # the same program, perhaps compiled otherwise [m]
