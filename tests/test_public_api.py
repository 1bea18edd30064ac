"""The public names: all there, documented, and imported only when used."""

import ast
import configparser
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import smplify_jax


@pytest.mark.parametrize("name", smplify_jax.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(smplify_jax, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value)


def test_the_lists_of_public_names_agree():
    tree = ast.parse(Path(smplify_jax.__file__).read_text())
    for_type_checkers = {
        alias.name: node.module
        for block in tree.body
        if isinstance(block, ast.If)
        for node in ast.walk(block)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes = {name: f"smplify_jax.{home}" for name, home in smplify_jax._HOMES.items()}
    assert for_type_checkers == homes
    assert set(smplify_jax.__all__) == set(homes)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no_such_name"):
        smplify_jax.no_such_name  # noqa: B018


def test_importing_the_package_does_not_import_jax():
    check = "import sys, smplify_jax; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.parametrize(
    ("module", "name"), [("fit", "smplify-fit"), ("dataset", "smplify-fit-dataset"), ("view", "smplify-view")]
)
def test_all_commands_tell_their_version_without_jax(module, name):
    program = (
        f"import sys; from smplify_jax.cli.{module} import main\n"
        "try: main(['--version'])\n"
        "finally: assert 'jax' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == f"{name} {smplify_jax.__version__}\n"


def test_type_checkers_are_told_that_the_package_is_typed():
    assert (Path(smplify_jax.__file__).parent / "py.typed").is_file()
    settings = configparser.ConfigParser()
    settings.read(Path(__file__).parents[1] / "setup.cfg")
    assert "py.typed" in settings["options.package_data"]["smplify_jax"]
    assert settings["metadata"]["version"] == "attr: smplify_jax.__version__"


def test_importing_everything_changes_no_jax_flag():
    check = (
        "import jax; before = dict(jax.config.values); import smplify_jax; "
        "[getattr(smplify_jax, name) for name in smplify_jax.__all__]; "
        "changed = {k for k, v in jax.config.values.items() if before.get(k, v) != v}; print(changed); assert not changed"
    )
    subprocess.run([sys.executable, "-c", check], check=True)
