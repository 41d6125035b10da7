"""One file for each data set: what is published, how it is split and labelled.

Each has a function of the name of the set, to be had from ``snnjax.datasets``, and a
``DATA_SET`` that tells the catalogue about it.
"""
