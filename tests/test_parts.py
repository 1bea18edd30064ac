"""Which part of a fit an operation of the compiled program belongs to."""

from benchmarks.parts import OTHER, PARTS, part_of, parts_by_instruction

PROGRAM = """
  %fusion.1 = f32[64]{0} fusion(%p), kind=kLoop, metadata={op_name="jit(fit_people)/vmap(network)/dot_general" stack_frame_id=3}
  ROOT %add.2 = f32[64]{0} add(%a, %b), metadata={op_name="jit(fit_people)/while/body/jit(linearize)/DataTerm/add"}
  %copy.3 = f32[64]{0} copy(%a)
"""


def test_the_innermost_scope_counts_whatever_transforms_it():
    assert part_of("jit(fit_people)/vmap(spread)/keypoints/mul") == PARTS["keypoints"]
    assert part_of("jit(fit_people)/while/body/vmap(vmap(step))/cholesky") == PARTS["step"]
    assert part_of("jit(fit_people)/while/body/add") == OTHER


def test_instructions_are_found_by_their_names():
    assert parts_by_instruction(PROGRAM) == {"fusion.1": PARTS["network"], "add.2": PARTS["DataTerm"]}
