"""How good matchers are: relative pose, homographies, disparity, map-free relocalisation."""
