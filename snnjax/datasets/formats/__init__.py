"""Any file that is read here, told by what it shows (``look``, ``registry``).

There is one file for each layout, read against damaged and hostile files, in a room for
each kind: ``cameras``, ``spikes``, ``sounds``, and ``layouts`` of samples and arrays.
They stand on ``guard`` and ``containers``; ``any_file`` opens the door to all,
``streaming`` reads those of gigabytes piece by piece.
"""
