"""Adam against the algorithm as it is printed, and what every solver here promises."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_solver import minimize_alone, powell_singular, rosenbrock

from smplify_jax.solver.adam import ADAM, AdamOptions


def solve(residuals, start, free=None, num_steps=50, learning_rate=0.01):
    start = jnp.asarray(start, jnp.float32)
    free = jnp.ones(start.shape) if free is None else jnp.asarray(free, jnp.float32)
    options = AdamOptions(num_steps, learning_rate)
    return minimize_alone(ADAM, residuals, start, free, options)


def printed_algorithm(gradient, x, num_steps, learning_rate):
    """Kingma & Ba, algorithm 1, line by line in float64."""
    m, v = np.zeros_like(x), np.zeros_like(x)
    for t in range(1, num_steps + 1):
        g = gradient(x)
        m = 0.9 * m + 0.1 * g
        v = 0.999 * v + 0.001 * g**2
        x = x - learning_rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return x


@pytest.mark.parametrize(("residuals", "start"), [(rosenbrock, (-1.2, 1.0)), (powell_singular, (3.0, -1.0, 0.0, 1.0))])
@pytest.mark.parametrize("num_steps", [1, 60])
def test_steps_are_those_of_the_printed_algorithm(residuals, start, num_steps):
    derivative = jax.jit(jax.grad(lambda y: jnp.sum(residuals(y) ** 2)))

    def gradient(x):
        return np.asarray(derivative(jnp.asarray(x, jnp.float32)), np.float64)

    expected = printed_algorithm(gradient, np.array(start), num_steps, 0.01)
    solution = solve(residuals, start, num_steps=num_steps)
    # Steps are 0.01 long and divide by a square root of float32 sums.
    np.testing.assert_allclose(solution.parameters, expected, atol=1e-4)
    np.testing.assert_allclose(solution.energy, jnp.sum(residuals(solution.parameters) ** 2), rtol=1e-4)


def test_all_steps_are_taken_and_convergence_is_never_claimed():
    solution = solve(rosenbrock, [1.0, 1.0], num_steps=7)
    assert solution.num_steps == 7
    assert not solution.is_converged
    assert solution.is_finite


def test_no_step_leaves_the_start():
    solution = solve(rosenbrock, [-1.2, 1.0], num_steps=0)
    np.testing.assert_array_equal(solution.parameters, np.array([-1.2, 1.0], np.float32))
    assert np.isfinite(solution.energy)


def test_held_parameters_do_not_move():
    solution = solve(powell_singular, [3.0, -1.0, 0.5, 1.0], free=[1, 1, 0, 1])
    assert solution.parameters[2] == 0.5
    assert solution.parameters[0] != 3.0


def test_a_start_without_finite_energy_is_reported_and_returned():
    solution = solve(lambda x: jnp.log(x), [-1.0, 2.0])
    assert not solution.is_finite
    np.testing.assert_array_equal(solution.parameters, [-1.0, 2.0])
    assert solution.num_steps == 0


def test_a_step_to_where_the_energy_is_not_finite_ends_the_search_before_it():
    solution = solve(lambda x: jnp.sqrt(x) + 1.0, [0.05], learning_rate=0.04)
    assert solution.is_finite
    assert 0 < solution.num_steps < 50
    assert 0 < solution.parameters[0] < 0.05


def test_one_bad_problem_of_a_batch_changes_no_other():
    starts = jnp.array([[-1.2, 1.0], [jnp.nan, 0.0], [0.9, 0.8]])
    batch = jax.vmap(lambda x: solve(rosenbrock, x))(starts)
    np.testing.assert_array_equal(batch.is_finite, [True, False, True])
    for index in (0, 2):
        np.testing.assert_allclose(batch.parameters[index], solve(rosenbrock, starts[index]).parameters, atol=1e-5)
