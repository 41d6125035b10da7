"""Files of many samples, or of one that is an array.

``events_npz``, ``shd_hdf5``, ``array_file``, ``idx``, ``image`` are layouts that many
files have; ``braille_pickle``, ``qtdb_mat``, ``waves_hdf5``, ``n_tidigits_hdf5`` those
of one data set.
"""
