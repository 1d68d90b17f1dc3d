"""Single photos lifted to 3D and seen from a second viewpoint: pairs with exact correspondences."""
