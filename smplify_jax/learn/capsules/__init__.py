"""Learn a body's capsules: `python -m smplify_jax.learn.capsules [--body FILE] --out FILE`.

The recipe of Bogo et al. 2016, section 3.2: a hand-made start, capsules that lie close to the surface of their part for many sampled
shapes, a ridge regression from the betas, and once more from what the regression says.
"""
