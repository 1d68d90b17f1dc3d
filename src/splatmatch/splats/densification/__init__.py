"""Strategies that add, move and remove Gaussians during a fit."""
