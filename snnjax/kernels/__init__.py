"""Native code, and faster ways through the same sums: plain arrays in and out.

Nothing here knows a neuron or a cell; modes and shapes of surrogates cross by name.
"""
