"""What event cameras record, nothing moved, as ``snnjax.events.Recorded``.

Times are whole microseconds; what lies off the sensor is never moved (``on_sensor``).

- ``aedat4`` (``aedat4_packets``), ``aedat2``, ``aedat31`` (``aedat_header``),
  ``prophesee_dat``, ``prophesee_evt2``, ``prophesee_evt3`` (``prophesee_header``,
  ``prophesee_words``, ``evt3_words``, ``evt3_package``), ``event_stream``,
  ``event_text`` (``event_lines``, ``exponent_lines``). Each decodes one piece of bytes
  (``byte_stream``) after another: ``event_pieces`` puts them together, ``recut`` cuts
  them anew for ``formats.streaming``, which gives them away as they come.
- ``camera_hdf5`` (``camera_told``), ``camera_npz``: containers, whose columns
  ``camera_columns`` takes; ``atis_bin``, ``aedat1``: without a sign.
- ``nmnist_bin``, ``gesture_npy``, ``gesture_aedat``, ``st_mnist_mat``,
  ``asl_dvs_mat``: those of one data set; ``camera`` numbers pixels.
- ``event_stream_out``, ``camera_hdf5_out`` write, of one piece or many
  (``pieces_out``).
"""
