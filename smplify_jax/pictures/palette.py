"""Colours that people with colour-blindness tell apart.

Source: Okabe and Ito, Color universal design, 2002; their black is left out, and the order is ours: neighbours differ in lightness too.
"""

from __future__ import annotations

Color = tuple[int, int, int]

SKY_BLUE: Color = (86, 180, 233)
ORANGE: Color = (230, 159, 0)
GREEN: Color = (0, 158, 115)
PURPLE: Color = (204, 121, 167)
YELLOW: Color = (240, 228, 66)
BLUE: Color = (0, 114, 178)
VERMILION: Color = (213, 94, 0)

BODY_COLOR: Color = (186, 196, 232)
"""Colour of a single body, unlike skin and most clothes, so that the body stands out from the person."""

_PEOPLE = (ORANGE, GREEN, PURPLE, YELLOW, BLUE, VERMILION)

_WHITE_SHARE = 0.35
"""Of a body's colour: shading needs room below and above it."""


def body_color(number: int) -> Color:
    """Colour of the body of person `number` of a picture: the first is `BODY_COLOR`, the others follow in turn."""
    if number == 0:
        return BODY_COLOR
    red, green, blue = _PEOPLE[(number - 1) % len(_PEOPLE)]
    return _lightened(red), _lightened(green), _lightened(blue)


LARGEST_DEVIATION_M = 0.1
"""[m] Standard deviation of a joint at which colours of uncertainty end."""


def uncertainty_color(share: float) -> Color:
    """Colour of a share from 0, certain, to 1, uncertain: from blue over a light grey to vermilion."""
    share = min(max(share, 0.0), 1.0)
    low, high = (_CERTAIN, _BETWEEN) if share < 0.5 else (_BETWEEN, _UNCERTAIN)
    at = 2 * share if share < 0.5 else 2 * share - 1
    red, green, blue = (round(a + (b - a) * at) for a, b in zip(low, high, strict=True))
    return red, green, blue


_CERTAIN, _BETWEEN, _UNCERTAIN = BLUE, (235, 232, 225), VERMILION


def _lightened(value: int) -> int:
    return round(value + (255 - value) * _WHITE_SHARE)
