"""One file for each layout, read against damaged and hostile files.

- ``checked``: what all of them check; ``signatures``: what a file is by its begin.
- ``apart`` (``apart_worker``, ``apart_child``): packages of others read in a process of
  their own.
- ``npz``, ``hdf5`` (``chunks``, ``plugins``, ``hdf5_attributes``), ``matlab``,
  ``unpickle``, ``archives``: containers, of which nothing is believed and nothing is
  run.
- ``idx``, ``events_npz``, ``shd_hdf5``, ``sound`` (``wav``, ``sphere``,
  ``sound_numbers``; ``sound_child``, ``sound_whole``, ``mp3``): layouts that many
  files have.
- ``nmnist_bin``, ``gesture_npy``, ``braille_pickle``, ``qtdb_mat``, ``waves_hdf5``:
  ``n_tidigits_hdf5``, ``st_mnist_mat``, ``asl_dvs_mat``, ``gesture_aedat``: those of
  one data set; ``camera`` numbers the pixels of the first two.
- ``camera_hdf5`` (``camera_told``), ``camera_npz``: containers of events of a camera,
  whose columns ``camera_columns`` takes; ``atis_bin``, ``aedat1``: without a sign.
- ``aedat4`` (``aedat4_packets``), ``aedat2``, ``aedat31`` (``aedat_header``),
  ``prophesee_dat``, ``prophesee_evt2``, ``prophesee_evt3`` (``prophesee_header``,
  ``prophesee_words``), ``event_stream``,
  ``event_text`` (``event_lines``): what event cameras record, nothing moved
  (``on_sensor``), times in whole microseconds, as ``snnjax.events.Recorded``;
  ``event_file`` tells which of them a file is. Each decodes one piece of bytes
  (``byte_stream``) after another: ``event_pieces`` puts them together, ``streaming``
  gives them away as they come, cut anew (``recut``).
- ``spike_text`` (``spike_head``, ``spike_lines``, ``spike_names``), ``nest_ascii``,
  ``sonata``, ``nwb`` (``hdf5_spikes``, ``spike_columns``), ``phy``, ``spike_arrays``,
  ``spike_mat``, ``neo_nix``, ``neo_trains``: spikes of simulators and of spike
  sorters in seconds, neurons by the numbers that the file gives them, as
  ``snnjax.events.RecordedSpikes``; ``pickles`` says how to write otherwise those that
  are never read.
"""
