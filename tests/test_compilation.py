"""Options for XLA's CPU compiler: used where it knows them, and left out where it does not."""

import jax
import jax.numpy as jnp
import pytest

from smplify_jax import compilation


@pytest.fixture
def fresh_options():
    compilation._options.cache_clear()
    yield
    compilation._options.cache_clear()


def test_an_xla_that_does_not_know_the_options_gets_none(monkeypatch, fresh_options):
    monkeypatch.setattr(compilation, "_QUICKLY", {"xla_cpu_of_another_year": True})
    assert compilation._options() == {}
    assert compilation.jit(lambda x: x + 1)(jnp.ones(3)).tolist() == [2, 2, 2]


@pytest.mark.skipif(jax.__version_info__ >= (0, 11), reason="a later XLA may have dropped the older emitters")
@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the options are the CPU's")
def test_the_xla_of_today_knows_the_options(fresh_options):
    assert compilation._options() == compilation._QUICKLY
