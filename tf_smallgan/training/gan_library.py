"""The one place that imports tensorflow-gan.

tensorflow-gan 2.1 needs `tf.estimator`, which TensorFlow dropped in 2.16, for its
estimators alone. They are given an empty stand-in; losses and metrics work.
"""

import sys
import types
import warnings

import tensorflow as tf


def _import_without_estimators() -> types.ModuleType:
    if not hasattr(tf, "estimator"):
        stand_in = types.ModuleType("tensorflow.estimator")
        stand_in.SessionRunHook = tf.compat.v1.train.SessionRunHook  # type: ignore
        tf.estimator = stand_in
        empty = types.ModuleType("tensorflow_gan.python.estimator")
        sys.modules.setdefault("tensorflow_gan.python.estimator", empty)
    with warnings.catch_warnings():
        # Of distutils and pkg_resources, in libraries that a user cannot mend.
        warnings.simplefilter("ignore")
        import tensorflow_gan

    return tensorflow_gan


tfgan = _import_without_estimators()
