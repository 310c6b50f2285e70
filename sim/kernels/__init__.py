"""Compiled functions of the simulation: arrays in, arrays out."""
