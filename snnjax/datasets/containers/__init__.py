"""Containers of data, of which nothing is believed and nothing is run.

``npz``, ``hdf5`` (``chunks``, ``plugins``, ``hdf5_attributes``), ``matlab``,
``unpickle``, ``archives``.
"""
