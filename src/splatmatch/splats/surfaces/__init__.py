"""Terms of a fit that make its Gaussians lie on surfaces, so that their depth can be trusted."""
