"""Columns of the packed tables that the kernels read.

Numba passes a few wide tables much faster than many thin arrays. The numbers here are compile-time constants of the
kernels.

A primitive is a canonical shape inside the cube [-1, 1]^3 under a rotation, a scale per axis and a translation:

========= ==================================================================================
RECTANGLE z = 0, |x|, |y| <= 1
DISC      z = 0, x^2 + y^2 <= 1
BOX       the cube
SPHERE    x^2 + y^2 + z^2 = 1
CYLINDER  |z| <= 1, radius FOOT at z = -1 to TOP at z = 1 (a cone frustum), both <= 1; caps if CAPS is 1
HEIGHTS   z = height(x, y) over |x|, |y| <= 1: two triangles per cell of a grid of samples in [-1, 1]
========= ==================================================================================
"""

from __future__ import annotations

RECTANGLE, DISC, BOX, SPHERE, CYLINDER, HEIGHTS = range(6)

# Columns of a primitive (N, 44) float64: local_from_world and world_from_local, each 3x4 row-major; half sizes in
# metres and radii; then whole numbers.
(LOCAL, WORLD) = (0, 12)
(HALF_X, HALF_Y, HALF_Z) = (24, 25, 26)
(FOOT, TOP) = (27, 43)
(KIND, MATERIAL, INSTANCE, CAPS) = (28, 29, 30, 31)
VARIANT = 32  # seed of its own variation of the material
(CHART, CHART_X, CHART_Y, CHART_Z) = (33, 34, 35, 36)  # first texel of its baked light, texels along each local axis
(GRID, GRID_X, GRID_Y) = (37, 38, 39)  # first height sample, samples along local x and y
ANCHOR = 40  # where the middle of the primitive lies in its pattern, metres along each local axis
PRIMITIVE_COLUMNS = 44

# Columns of a node of the tree of boxes (M, 9) float64: lower and upper corner; node to go to when the box is missed,
# first primitive, how many (0 for inner nodes).
(LOW, HIGH) = (0, 3)
(SKIP, FIRST, COUNT) = (6, 7, 8)
NODE_COLUMNS = 9

# Materials (K, 24) float64. Colours are linear RGB, lengths metres.
(PATTERN, COLOUR_A, COLOUR_B, COLOUR_C) = (0, 1, 4, 7)
(SCALE, ASPECT, CONTRAST, JOINT, WEAR, SEED) = (10, 11, 12, 13, 14, 15)
(SPECULAR, ROUGHNESS, EMISSION, TURN, MARKS, MARK_COUNT) = (16, 17, 18, 19, 20, 21)
MATERIAL_COLUMNS = 24

(
    PLAIN,
    PLASTER,
    BRICKS,
    TILES,
    PLANKS,
    MARBLE,
    STONES,
    WALLPAPER,
    FABRIC,
    DOTS,
    STRIPES,
    PRINT,
    GRAVEL,
    LEAF,
) = range(14)

# Marks of prints (S, 14) float64: shape, centre and half size in heights of the print, cosine and sine of the angle,
# squared bounding radius, linear colour, one number that depends on the shape, seed.
(SHAPE, MARK_X, MARK_Y, MARK_W, MARK_H, MARK_COS, MARK_SIN, MARK_REACH) = range(8)
(MARK_COLOUR, MARK_EXTRA, MARK_SEED) = (8, 11, 12)
MARK_COLUMNS = 14
(BAR, ELLIPSE, RING, TRIANGLE, GLYPHS, HILLS, STAR) = range(7)

# Lights (L, 14) float64: kind, position (of the sun: unit direction towards it), radius (of the sun: its tangent),
# colour (of the sun: irradiance, of a lamp: irradiance at one metre, of a panel: radiance), half edges of a panel.
(LIGHT_KIND, LIGHT_AT, LIGHT_RADIUS, LIGHT_COLOUR) = (0, 1, 4, 5)
(PANEL_U, PANEL_V) = (8, 11)
LIGHT_COLUMNS = 14
(SUN, LAMP, PANEL) = range(3)

FAR = 1e30
"""Distance of a ray that hits nothing."""
NEAR = 1e-6
"""Hits nearer than this, in metres, are the surface that the ray starts from."""
