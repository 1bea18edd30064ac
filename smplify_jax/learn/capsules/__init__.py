"""Learn a body's capsules: `python -m smplify_jax.learn.capsules [--body FILE] --out FILE`.

The recipe of Bogo et al. 2016, section 3.2: start from hand-made capsules, fit them to the surfaces of their parts for many sampled shapes,
regress them on the betas by ridge regression, and repeat the fit and regression from the result.
"""
