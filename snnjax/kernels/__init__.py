"""Faster ways through the same sum: plain arrays in, plain arrays out."""
