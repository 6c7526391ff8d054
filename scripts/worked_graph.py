"""The worked example as a lecturer draws it: a graph, values in black, gradients in red on every node and edge."""

import re

from matplotlib.patches import Circle, FancyArrowPatch

RED = "#c1121f"
NODES = {  # name: where it stands, whether its numbers stand above it
    "x1": ((0.0, 2.0), True),
    "x2": ((0.0, -2.0), False),
    "h1": ((5.8, 3.2), True),
    "h2": ((5.8, 0.0), False),
    "h3": ((5.8, -3.2), False),
    "y": ((10.6, 0.0), False),
    "J": ((13.6, 0.0), False),
}
EDGES = {  # (from, to): (name of the weight, where its numbers stand along the edge, 0..1)
    ("x1", "h1"): ("W11", 0.45),
    ("x1", "h2"): ("W12", 0.68),
    ("x1", "h3"): ("W13", 0.21),
    ("x2", "h1"): ("W21", 0.21),
    ("x2", "h2"): ("W22", 0.68),
    ("x2", "h3"): ("W23", 0.45),
    ("h1", "y"): ("V1", 0.5),
    ("h2", "y"): ("V2", 0.5),
    ("h3", "y"): ("V3", 0.5),
}


def draw_graph(figure, values, weights, inputs):
    """Draw on a figure. values: {the lecture's entry name: number}; weights: {"W11": …}; inputs: {"x1": …}."""
    axes = figure.add_axes((0, 0.06, 1, 0.86))
    axes.set(xlim=(-1.2, 14.6), ylim=(-5.4, 5.4), aspect="equal")
    axes.axis("off")
    for (start, end), (name, along) in EDGES.items():
        draw_edge(axes, NODES[start][0], NODES[end][0], weights[name], values[f"dJ/d{name}"], along, name)
    draw_edge(axes, NODES["y"][0], NODES["J"][0], None, None, 0.5, "")
    for name, ((x, y), above) in NODES.items():
        axes.add_patch(Circle((x, y), RADIUS, facecolor="#eaf2fb", edgecolor="black", linewidth=1.8, zorder=3))
        axes.text(x, y, subscript(name), ha="center", va="center", fontsize=21, style="italic", zorder=4)
        lines = node_lines(name, values, inputs)
        top = y + RADIUS + 0.27 + 0.39 * (len(lines) - 1) if above else y - RADIUS - 0.27
        for row, (text, colour) in enumerate(lines):
            axes.text(x, top - 0.39 * row, subscript(text), color=colour, **LABEL)
    figure.text(0.5, 0.945, TITLE, ha="center", fontsize=21)
    figure.text(0.03, 0.03, "black: values, computed forwards →", fontsize=17)
    figure.text(0.97, 0.03, "← red: gradients of J, computed backwards", fontsize=17, color=RED, ha="right")


TITLE = "The worked example: x = (5, 3), label 1,  h = σ(Wᵀx),  y = σ(Vᵀh),  J = −log y"
RADIUS = 0.52
LABEL = {
    "ha": "center",
    "va": "center",
    "fontsize": 15,
    "zorder": 5,
    "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 1.0},
}


def node_lines(name, values, inputs):
    """(text, colour) under a node: what was computed there forwards, then backwards."""
    if name.startswith("x"):
        return [(f"{name} = {inputs[name]:g}", "black"), (f"dJ/d{name} = {short(values[f'dJ/d{name}'])}", RED)]
    if name == "J":
        return [(f"J = {values['J']:.6f}", "black"), ("dJ/dJ = 1", RED)]
    before = name.replace("h", "z").replace("y", "a")
    forward = [f"{before} = {short(values[before])}", f"{name} = {values[name]:.6f}"]
    backward = [f"dJ/d{name} = {short(values[f'dJ/d{name}'])}", f"dJ/d{before} = {short(values[f'dJ/d{before}'])}"]
    return [(text, "black") for text in forward] + [(text, RED) for text in backward]


def draw_edge(axes, start, end, weight, gradient, along, name):
    """An arrow between two nodes, with its weight and, below it, the gradient by the weight."""
    arrow = FancyArrowPatch(start, end, shrinkA=36, shrinkB=36, arrowstyle="-|>", mutation_scale=20, color="#666666")
    axes.add_patch(arrow)
    if weight is None:
        return
    x, y = (a + along * (b - a) for a, b in zip(start, end, strict=True))
    axes.text(x, y + 0.2, f"{subscript(name)} = {weight:g}".replace("-", "−"), **LABEL)
    axes.text(x, y - 0.2, short(gradient), color=RED, **LABEL)


def short(number):
    """Three significant digits, as −0.201 or −3.42·10⁻⁶."""
    if number == 0 or 1e-3 <= abs(number) < 1e4:
        return f"{number:#.3g}".removesuffix(".").replace("-", "−")
    digits, exponent = f"{number:.2e}".split("e")
    return f"{digits}·10{str(int(exponent)).translate(SUPERSCRIPTS)}".replace("-", "−")


def subscript(text):
    """h1 as h₁, dJ/dx2 as dJ/dx₂; numbers stay."""
    return re.sub(r"(?<=[xzhWV])\d+", lambda digit: digit[0].translate(SUBSCRIPTS), text)


SUBSCRIPTS = str.maketrans("123", "₁₂₃")
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
