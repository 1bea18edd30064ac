"""Options for XLA's CPU compiler: used where it knows them, and left out where it does not."""

import jax
import jax.numpy as jnp
import pytest

from smplify_jax.execution import compilation

pytestmark = pytest.mark.skipif(jax.default_backend() != "cpu", reason="the options are the CPU's")


def test_an_xla_that_does_not_know_the_options_gets_none(monkeypatch):
    monkeypatch.setattr(compilation, "_QUICKLY", {"xla_cpu_of_another_year": True})
    program = compilation.jit(lambda x: x + 1)
    assert program(jnp.ones(3)).tolist() == [2, 2, 2]
    assert program(jnp.ones(2)).tolist() == [2, 2]


@pytest.mark.skipif(jax.__version_info__ >= (0, 11), reason="a later XLA may have dropped the older emitters")
def test_the_xla_of_today_knows_the_options():
    assert jax.jit(lambda x: x + 1, compiler_options=compilation._QUICKLY)(1.0) == 2.0


def test_what_else_goes_wrong_is_told(monkeypatch):
    def fail(_):
        raise jax.errors.JaxRuntimeError("out of memory")

    monkeypatch.setattr(compilation.jax, "jit", lambda *_, **__: fail)
    with pytest.raises(jax.errors.JaxRuntimeError, match="out of memory"):
        compilation.jit(lambda x: x)(1.0)
