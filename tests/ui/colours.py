"""What eyes make of colours: contrast as WCAG 2.2 has it, and colours as the colour-blind see them; and what a style
sheet says of colours. A colour is its red, green and blue from 0 to 1."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

Colour = tuple[float, float, float]
PRINTED = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
"""From linear sRGB to CIE XYZ; the second row is the luminance."""
WHITE = np.array([0.95047, 1.0, 1.08883])
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""Machado, Oliveira and Fernandes (2009), severity 1, on linear sRGB."""


def read_hex(text: str) -> tuple[Colour, float]:
    """A colour such as #8886 or #00478F, and how opaque it is."""
    digits = text.removeprefix("#")
    if len(digits) < 6:
        digits = "".join(2 * digit for digit in digits)
    red, green, blue, *alpha = (int(digits[i : i + 2], 16) / 255 for i in range(0, len(digits), 2))
    return (red, green, blue), alpha[0] if alpha else 1.0


def over(colour: Colour, alpha: float, paper: Colour) -> Colour:
    """A colour that is so opaque, on paper."""
    red, green, blue = (alpha * c + (1 - alpha) * p for c, p in zip(colour, paper, strict=True))
    return red, green, blue


def _linear(colour: Colour) -> np.ndarray:
    c = np.array(colour)
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)


def contrast(one: Colour, other: Colour) -> float:
    """From 1 to 21."""
    low, high = sorted(float(PRINTED[1] @ _linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def distance(one: Colour, other: Colour, vision: str) -> float:
    """How far two colours lie apart in CIELAB (CIE76) for somebody of that colour vision."""

    def lab(colour: Colour) -> np.ndarray:
        seen = np.clip(VISION[vision] @ _linear(colour), 0, 1)
        x = PRINTED @ seen / WHITE
        x, y, z = np.where(x > 216 / 24389, np.cbrt(x), (24389 / 27 * x + 16) / 116)
        return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])

    return float(np.linalg.norm(lab(one) - lab(other)))


def rules(css: str, media: str = "") -> Iterator[tuple[str, str, dict[str, str]]]:
    """The rules of a style sheet: (media query or "", selectors, declarations)."""
    css, at = re.sub(r"/\*.*?\*/", "", css, flags=re.S), 0
    while (start := css.find("{", at)) >= 0:
        head, depth, end = css[at:start].strip(), 1, start + 1
        while depth:
            depth += {"{": 1, "}": -1}.get(css[end], 0)
            end += 1
        body, at = css[start + 1 : end - 1], end
        if head.startswith("@media"):
            yield from rules(body, head)
        elif not head.startswith("@"):
            pairs = (part.split(":", 1) for part in body.split(";") if ":" in part)
            yield media, head, {name.strip(): value.replace("!important", "").strip() for name, value in pairs}
