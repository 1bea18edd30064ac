"""Ratios of measurements within one run: a gate can compare them, because the machine's speed cancels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from smplify_jax import get_layout

KEYPOINTS_FROM = "lsp14"
"""The reference layout for the growth with keypoints."""


def ratios(values: Mapping[str, float]) -> dict[str, float]:
    """Every ratio whose numerator and denominator were measured."""
    found = {}
    for name, upper, lower in _pairs(values):
        if upper in values and lower in values:
            found[name] = values[upper] / values[lower]
    return found | _keypoint_growth(values)


def _pairs(values: Mapping[str, float]) -> Iterator[tuple[str, str, str]]:
    """Keys of each ratio, its numerator and its denominator."""
    for key in values:
        name, *of = key.split("/")
        layout, batch = [*of, "", ""][:2]
        if name == "torch_fits_per_second":
            yield f"times_torch/{layout}/{batch}", f"fits_per_second/{layout}/{batch}", key
        if name == "scipy_s_per_person":
            yield f"times_scipy/{layout}", key, f"ours_s_per_person/{layout}"
        if name == "fits_per_second" and batch == "64":
            yield f"times_batch_1/{layout}/64", key, f"fits_per_second/{layout}/1"
        if name == "fits_per_second" and int(batch) > 64:
            yield f"times_batch_64/{layout}/{batch}", key, f"fits_per_second/{layout}/64"
        if name == "all_cores_fits_per_second":
            yield f"all_cores_gain/{layout}/{batch}", key, f"fits_per_second/{layout}/{batch}"
        if name == "fits_per_second_4_starts":
            yield f"four_starts_share/{layout}/{batch}", key, f"fits_per_second/{layout}/{batch}"
        if name == "compile_s":
            yield f"compile_in_references/{layout}/{batch}", key, "reference_compile_s"
    yield "command_in_jax_imports", "command_warm_s", "import_jax_s"
    yield "import_in_jax_imports", "command_import_s", "import_jax_s"


def _keypoint_growth(values: Mapping[str, float]) -> dict[str, float]:
    """Time per keypoint relative to `KEYPOINTS_FROM`: one if time is proportional to the number of keypoints, less if it grows slower."""
    fewest = values.get(f"fits_per_second/{KEYPOINTS_FROM}/64")
    found = {}
    for key, value in values.items():
        name, layout, batch = [*key.split("/"), "", ""][:3]
        if fewest is None or name != "fits_per_second" or batch != "64" or layout == KEYPOINTS_FROM:
            continue
        share = get_layout(layout).num_keypoints / get_layout(KEYPOINTS_FROM).num_keypoints
        found[f"time_over_keypoints/{layout}"] = (fewest / value) / share
    return found
